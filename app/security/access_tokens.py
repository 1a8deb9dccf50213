"""
Access tokens: JWTs that we sign for ourselves. The only use of python-jose.

Nobody else issues the tokens that we take, so the header of a good one is one of a few
strings that are known beforehand: the first part of a token is looked up, not parsed. With
that, another algorithm, ``crit``, ``jku`` and nesting bombs end at a dictionary. The claims
are read only after the signature was found to be ours, and even then trusted in nothing.
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

from app.domain.errors import TokenExpired, Unauthorized
from app.domain.ids import Millis, SessionId, UserId
from app.domain.limits import (
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
    """What a good access token says."""

    user: UserId
    session: SessionId
    expires_at: Millis


class AccessTokens:
    """Signs access tokens with one secret, and reads those signed with it or an older one."""

    def __init__(self, secret: str, old_secrets: Sequence[str], minutes: int) -> None:
        self.seconds = minutes * 60
        self._kid, self._key = _key(secret)
        keys = dict([*map(_key, old_secrets), (self._kid, self._key)])
        self._access_headers = _headers(keys, _ACCESS_TYPE)
        self._operator_headers = _headers(keys, _OPERATOR_TYPE)
        # What a token says and that we have signed it stays so: the same few come again and
        # again. Bad ones are not kept, and whether it is good by now is asked every time.
        self._known = lru_cache(MAX_KNOWN_TOKENS)(self._read)

    def issue(self, user: UserId, session: SessionId, now: Millis) -> str:
        """A token for this user and log-in, good from now for the time that was chosen."""
        claims = {"aud": AUDIENCE, "sub": str(user), "sid": str(session)}
        return self._sign(claims, _ACCESS_TYPE, now, self.seconds)

    def read(self, token: str, now: Millis) -> Claims:
        """
        What the token says, if it is ours and good now.

        Whether the log-in has been ended since is another question: the database knows.

        Raises:
            TokenExpired: If it was good once.
            Unauthorized: If it is anything else.

        """
        found, begins = self._known(token)
        _in_time(begins, found.expires_at, now)
        return found

    def operator(self, now: Millis) -> str:
        """A token with which the command line shows a running server that it knows the secret."""
        claims = {"aud": OPERATOR_AUDIENCE, "sub": OPERATOR_SUBJECT}
        return self._sign(claims, _OPERATOR_TYPE, now, OPERATOR_TOKEN_SECONDS)

    def read_operator(self, token: str, now: Millis) -> None:
        """
        Return if this is an operator's token and good now.

        Raises:
            TokenExpired: If it was good once.
            Unauthorized: If it is anything else, an access token for one.

        """
        claims = _verify(token, self._operator_headers)
        begins, expires_at = _check(claims, OPERATOR_AUDIENCE)
        if claims.get("sub") != OPERATOR_SUBJECT:
            raise Unauthorized
        _in_time(begins, expires_at, now)

    def _read(self, token: str) -> tuple[Claims, Millis]:
        """What an access token of ours says, and when it begins."""
        claims = _verify(token, self._access_headers)
        begins, expires_at = _check(claims, AUDIENCE)
        found = Claims(UserId(_id(claims, "sub")), SessionId(_id(claims, "sid")), expires_at)
        return found, begins

    def _sign(self, claims: dict[str, str], kind: str, now: Millis, seconds: int) -> str:
        at = now // 1000
        times = {"iat": at, "nbf": at, "exp": at + seconds}
        payload = {"iss": ISSUER, **claims, **times, "jti": secrets.token_urlsafe(16)}
        return jws.sign(payload, self._key, {"kid": self._kid, "typ": kind}, _ALGORITHM)


def _key(secret: str) -> tuple[str, Key]:
    """
    The secret as a key, and its name, which tells nothing about it.

    Raises:
        ValueError: If it is too short, or plainly a public key or a certificate.

    """
    data = secret.encode()
    if len(data) < MIN_SECRET_BYTES:
        raise ValueError(f"The secret is shorter than {MIN_SECRET_BYTES} bytes.")
    try:
        key = jwk.construct(data, _ALGORITHM)
    except JOSEError:
        raise ValueError(
            "The secret is a key for something else: HS256 has no public key."
        ) from None
    return hashlib.sha256(b"parley kid " + data).hexdigest()[:16], key


def _headers(keys: Mapping[str, Key], kind: str) -> dict[str, Key]:
    """The first part that a token of this kind has, for each key."""
    signed = {
        kid: jws.sign({}, key, {"kid": kid, "typ": kind}, _ALGORITHM) for kid, key in keys.items()
    }
    return {token.partition(".")[0]: keys[kid] for kid, token in signed.items()}


def _verify(token: str, headers: Mapping[str, Key]) -> dict[str, Any]:
    """
    The claims of a token whose signature is right.

    Raises:
        Unauthorized: If it isn't, or there are none.

    """
    if len(token) > MAX_TOKEN_CHARACTERS or (shape := _SHAPE.fullmatch(token)) is None:
        raise Unauthorized
    key = headers.get(shape[1])
    if key is None:
        raise Unauthorized
    try:
        # orjson: no NaN, no nesting that ends the stack.
        claims = orjson.loads(jws.verify(token, key, [_ALGORITHM]))
    except Exception:  # python-jose has raised six other types than its own for bad input
        raise Unauthorized from None
    if not isinstance(claims, dict):
        raise Unauthorized
    return claims


def _check(claims: Mapping[str, Any], audience: str) -> tuple[Millis, Millis]:
    """
    When the token begins and ends, if all that every token of ours says is there.

    Raises:
        Unauthorized: If something is missing, or of another type.

    """
    if claims.get("iss") != ISSUER or claims.get("aud") != audience:
        raise Unauthorized
    if not (isinstance(jti := claims.get("jti"), str) and jti):
        raise Unauthorized
    issued, begins, ends = (_moment(claims, name) for name in ("iat", "nbf", "exp"))
    if ends <= issued:
        raise Unauthorized
    return Millis(max(issued, begins) * 1000), Millis(ends * 1000)


def _in_time(begins: Millis, ends: Millis, now: Millis) -> None:
    """
    Return if a token is good now.

    Raises:
        Unauthorized: If it is of another time.
        TokenExpired: If it was good once.

    """
    if begins > now + MAX_CLOCK_SKEW_SECONDS * 1000:
        raise Unauthorized
    if ends <= now:
        raise TokenExpired


def _moment(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    # A bool is an int to Python, and not to us.
    if type(value) is not int or not 0 <= value <= MAX_INTEGER // 1000:
        raise Unauthorized
    return value


def _id(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, str) or not _ID.fullmatch(value) or int(value) > _MAX_ID:
        raise Unauthorized
    return int(value)
