"""
Access tokens: JWTs that Parley issues and verifies. The only use of python-jose.

Only Parley issues these tokens, so the header of a valid one is one of a few strings known in
advance: the first part of a token is looked up in a dictionary, not parsed. This refuses other
algorithms, ``crit``, ``jku`` and deeply nested headers. The claims are parsed only after the
signature is verified, and each is validated nevertheless.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from jose import jwk, jws
from jose.backends.base import Key
from jose.exceptions import JOSEError

from ..domain.errors import TokenExpired, Unauthorized
from ..domain.ids import Millis, SessionId, UserId
from ..domain.limits import (
    MAX_CLOCK_SKEW_SECONDS,
    MAX_INTEGER,
    MAX_KNOWN_TOKENS,
    MAX_TOKEN_CHARACTERS,
    MIN_SECRET_BYTES,
    OPERATOR_TOKEN_SECONDS,
)

ISSUER = "parley"
AUDIENCE = "parley-api"
OPERATOR_AUDIENCE = "parley-operator"
OPERATOR_SUBJECT = "operator"


_ALGORITHM = "HS256"
_ACCESS_TYPE = "at+jwt"  # https://www.rfc-editor.org/rfc/rfc9068#section-2.1
_OPERATOR_TYPE = "op+jwt"
_SHAPE = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_MAX_ID = 2**63 - 1


class Claims(NamedTuple):
    """The claims of a valid access token."""

    user: UserId
    session: SessionId
    expires_at: Millis


class AccessTokens:
    """
    Issues and verifies access tokens. Thread-safe; does no I/O.

    Args:
        secret: Signs new tokens; at least ``MIN_SECRET_BYTES`` bytes.
        old_secrets: Earlier secrets, whose tokens are still accepted.
        minutes: Lifetime of an access token.

    Raises:
        ValueError: If a secret is too short, or is a public key.

    """

    def __init__(self, secret: str, old_secrets: Sequence[str], minutes: int) -> None:
        self.seconds = minutes * 60
        self._kid, self._key = _key(secret)
        keys = dict([*map(_key, old_secrets), (self._kid, self._key)])
        self._access_headers = _headers(keys, _ACCESS_TYPE)
        self._operator_headers = _headers(keys, _OPERATOR_TYPE)
        # Signature and claims of a token never change, and the same tokens come repeatedly.
        # Invalid tokens are not cached, and the times are checked on every read.
        self._verified = lru_cache(MAX_KNOWN_TOKENS)(self._read)

    def issue(self, user: UserId, session: SessionId, now: Millis) -> str:
        """A token for this user and login, valid from ``now`` for the configured time."""
        claims = {"aud": AUDIENCE, "sub": str(user), "sid": str(session)}
        return self._sign(claims, _ACCESS_TYPE, now, self.seconds)

    def read(self, token: str, now: Millis) -> Claims:
        """
        Verify a token and return its claims.

        Does not check whether the login has been ended: that takes the database.

        Raises:
            TokenExpired: If the token was valid, but has expired.
            Unauthorized: If it is invalid in any other way.

        """
        claims, valid_from = self._verified(token)
        _check_times(valid_from, claims.expires_at, now)
        return claims

    def operator(self, now: Millis) -> str:
        """A token with which a command proves to a running server that it has the secret."""
        claims = {"aud": OPERATOR_AUDIENCE, "sub": OPERATOR_SUBJECT}
        return self._sign(claims, _OPERATOR_TYPE, now, OPERATOR_TOKEN_SECONDS)

    def read_operator(self, token: str, now: Millis) -> None:
        """
        Verify an operator's token.

        Raises:
            TokenExpired: If the token was valid, but has expired.
            Unauthorized: If it is anything else, such as an access token.

        """
        claims = _verify(token, self._operator_headers)
        valid_from, expires_at = _check_claims(claims, OPERATOR_AUDIENCE)
        if claims.get("sub") != OPERATOR_SUBJECT:
            raise Unauthorized
        _check_times(valid_from, expires_at, now)

    def _read(self, token: str) -> tuple[Claims, Millis]:
        """The claims of an access token, and when it becomes valid."""
        claims = _verify(token, self._access_headers)
        valid_from, expires_at = _check_claims(claims, AUDIENCE)
        user, session = UserId(_id(claims, "sub")), SessionId(_id(claims, "sid"))
        return Claims(user, session, expires_at), valid_from

    def _sign(self, claims: dict[str, str], kind: str, now: Millis, seconds: int) -> str:
        at = now // 1000
        times = {"iat": at, "nbf": at, "exp": at + seconds}
        payload = {"iss": ISSUER, **claims, **times, "jti": secrets.token_urlsafe(16)}
        return jws.sign(payload, self._key, {"kid": self._kid, "typ": kind}, _ALGORITHM)


def _key(secret: str) -> tuple[str, Key]:
    """
    The id and the key of a secret. The id is a hash and reveals nothing of it.

    Raises:
        ValueError: If the secret is too short, or is a public key or a certificate.

    """
    data = secret.encode()
    if len(data) < MIN_SECRET_BYTES:
        raise ValueError(f"The secret is shorter than {MIN_SECRET_BYTES} bytes.")
    try:
        key = jwk.construct(data, _ALGORITHM)
    except JOSEError:
        raise ValueError(
            "The secret is a public key or certificate; HS256 needs a random secret."
        ) from None
    return hashlib.sha256(b"parley kid " + data).hexdigest()[:16], key


def _headers(keys: Mapping[str, Key], kind: str) -> dict[str, Key]:
    """The first part of the tokens of this type, mapped to their key."""
    signed = {
        kid: jws.sign({}, key, {"kid": kid, "typ": kind}, _ALGORITHM) for kid, key in keys.items()
    }
    return {token.partition(".")[0]: keys[kid] for kid, token in signed.items()}


def _verify(token: str, headers: Mapping[str, Key]) -> dict[str, Any]:
    """
    Verify the signature of a token and return its claims.

    Raises:
        Unauthorized: If the signature is wrong, or the claims are not a JSON object.

    """
    if len(token) > MAX_TOKEN_CHARACTERS or (shape := _SHAPE.fullmatch(token)) is None:
        raise Unauthorized
    key = headers.get(shape[1])
    if key is None:
        raise Unauthorized
    try:
        # orjson refuses NaN and nesting that would exhaust the stack.
        claims = orjson.loads(jws.verify(token, key, [_ALGORITHM]))
    except Exception:  # python-jose raises many types besides its own for invalid input
        raise Unauthorized from None
    if not isinstance(claims, dict):
        raise Unauthorized
    return claims


def _check_claims(claims: Mapping[str, Any], audience: str) -> tuple[Millis, Millis]:
    """
    Check the claims common to all tokens; return when the token becomes valid and expires.

    Raises:
        Unauthorized: If a claim is missing, or of another type.

    """
    if claims.get("iss") != ISSUER or claims.get("aud") != audience:
        raise Unauthorized
    if not (isinstance(jti := claims.get("jti"), str) and jti):
        raise Unauthorized
    issued, not_before, expires = (_timestamp(claims, name) for name in ("iat", "nbf", "exp"))
    if expires <= issued:
        raise Unauthorized
    return Millis(max(issued, not_before) * 1000), Millis(expires * 1000)


def _check_times(valid_from: Millis, expires_at: Millis, now: Millis) -> None:
    """
    Check that a token is valid at ``now``.

    Raises:
        Unauthorized: If it is not valid yet, beyond the allowed clock skew.
        TokenExpired: If it has expired.

    """
    if valid_from > now + MAX_CLOCK_SKEW_SECONDS * 1000:
        raise Unauthorized
    if expires_at <= now:
        raise TokenExpired


def _timestamp(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    # Excludes bool, which is a subclass of int.
    if type(value) is not int or not 0 <= value <= MAX_INTEGER // 1000:
        raise Unauthorized
    return value


def _id(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, str) or not _ID.fullmatch(value) or int(value) > _MAX_ID:
        raise Unauthorized
    return int(value)
