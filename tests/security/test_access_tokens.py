"""Access tokens: valid ones, and a corpus of hostile ones."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jose import jws

from app.domain.errors import ParleyError, TokenExpired, Unauthorized
from app.domain.ids import Millis, SessionId, UserId
from app.security.access_tokens import AUDIENCE, OPERATOR_AUDIENCE, AccessTokens

SECRET = "a secret of the tests, forty characters.."
OLDER = "an older secret of the tests, forty chars"
FOREIGN = "a secret of another server, just as long."
NOW = Millis(1_795_000_000_000)
AT = NOW // 1000
ALICE, LAPTOP = UserId(7), SessionId(42)

PEM = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9
q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==
-----END PUBLIC KEY-----"""
SSH = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7 someone@example"


@pytest.fixture
def tokens() -> AccessTokens:
    return AccessTokens(SECRET, [OLDER], minutes=15)


def b64(data: bytes | str) -> str:
    return (
        base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data)
        .decode()
        .rstrip("=")
    )


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, claims, signature = token.split(".")
    return (*(json.loads(base64.urlsafe_b64decode(p + "==")) for p in (header, claims)), signature)


def valid_parts() -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = parts(AccessTokens(SECRET, [], 15).issue(ALICE, LAPTOP, NOW))
    return header, claims


def signed(header: object, claims: object, secret: str = SECRET) -> str:
    """A token with exactly these two parts and a valid HS256 signature over them."""
    texts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    head = ".".join(b64(text.encode("utf-8", "surrogatepass")) for text in texts)
    return f"{head}.{b64(hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest())}"


def header_bytes(**changes: Any) -> str:
    header, _ = valid_parts()
    header.update(changes)
    kept = {name: value for name, value in header.items() if value is not ...}
    return json.dumps(kept, separators=(",", ":"), sort_keys=True)


def with_header(**changes: Any) -> str:
    return signed(header_bytes(**changes), valid_parts()[1])


def with_claims(**changes: Any) -> str:
    _, claims = valid_parts()
    claims.update(changes)
    kept = {name: value for name, value in claims.items() if value is not ...}
    return signed(header_bytes(), kept)


def with_claims_text(old: str, new: str) -> str:
    return signed(header_bytes(), json.dumps(valid_parts()[1]).replace(old, new))


def of_type(kind: str, algorithm: str) -> str:
    header, claims = valid_parts()
    return jws.sign(claims, SECRET, {**header, "alg": algorithm, "typ": kind}, algorithm)


def issued() -> str:
    return AccessTokens(SECRET, [], 15).issue(ALICE, LAPTOP, NOW)


def hostile() -> Iterator[tuple[str, Callable[[], str]]]:
    """Tokens that must be refused as unauthorized, each with its name."""
    yield "empty", lambda: ""
    yield "one segment", lambda: "abc"
    yield "two segments", lambda: issued().rpartition(".")[0]
    yield "four segments", lambda: issued() + ".abc"
    yield "three dots", lambda: "..."
    yield "an empty signature", lambda: issued().rpartition(".")[0] + "."
    yield "not base64", lambda: "a$b.c$d.e$f"
    yield "a newline after it", lambda: issued() + "\n"
    yield "a space before it", lambda: " " + issued()
    yield "padding", lambda: issued() + "="
    yield "a NUL", lambda: issued() + "\0"
    yield "no ASCII", lambda: issued().replace("e", "é")
    yield "digits of another script", lambda: issued()[:-1] + "٣"
    yield "a lone surrogate", lambda: issued() + "\ud800"
    yield "the word Bearer", lambda: "Bearer " + issued()
    yield "too long", lambda: issued() + "A" * 4_096
    yield "much too long", lambda: "A" * 1_000_000 + ".B.C"
    yield "depth bomb in the header", lambda: signed("[" * 2_000, valid_parts()[1])
    yield "depth bomb in the claims", lambda: signed(header_bytes(), "[" * 2_000)
    yield "objects nested deep", lambda: signed(header_bytes(), '{"a":' * 500 + "1" + "}" * 500)
    yield "header is a list", lambda: signed([], valid_parts()[1])
    yield "header is no JSON", lambda: signed("{", valid_parts()[1])
    yield "claims are a list", lambda: signed(header_bytes(), [valid_parts()[1]])
    yield "claims are a string", lambda: signed(header_bytes(), '"alice"')
    yield "claims are null", lambda: signed(header_bytes(), "null")
    yield "claims are no JSON", lambda: signed(header_bytes(), "{")
    yield "claims hold NaN", lambda: with_claims_text(f'"exp": {AT + 900}', '"exp": NaN')
    yield "another signature", lambda: issued()[:-20] + "A" * 20
    yield "another's secret", lambda: signed(header_bytes(), valid_parts()[1], FOREIGN)
    yield (
        "claims of another",
        lambda: ".".join(
            [
                issued().split(".")[0],
                b64(json.dumps({**valid_parts()[1], "sub": "8"})),
                parts(issued())[2],
            ]
        ),
    )
    for algorithm in ("none", "None", "NONE", "nOnE", "", "hs256", "RS256", "ES256", "HS384"):
        yield f"alg {algorithm!r}", lambda alg=algorithm: with_header(alg=alg)
    yield "alg none and no signature", lambda: with_header(alg="none").rpartition(".")[0] + ".AA"
    yield "HS512, correctly signed", lambda: of_type("at+jwt", "HS512")
    yield "HS384, correctly signed", lambda: of_type("at+jwt", "HS384")
    for value in (None, 1, True, ["HS256"], {"HS256": 1}, 1e308):
        yield f"alg {value!r}", lambda alg=value: with_header(alg=alg)
    yield "no alg", lambda: with_header(alg=...)
    for value in (None, 1, [], {}, "", "../../dev/null", "' OR 1=1 --", "0" * 16, "\ud800"):
        yield f"kid {value!r}", lambda kid=value: with_header(kid=kid)
    yield "no kid", lambda: with_header(kid=...)
    for value in ("JWT", "at+JWT ", "op+jwt", None, 1):
        yield f"typ {value!r}", lambda typ=value: with_header(typ=typ)
    yield "no typ", lambda: with_header(typ=...)
    yield "crit", lambda: with_header(crit=["exp"])
    yield "jku", lambda: with_header(jku="https://evil.example/keys")
    yield "jwk", lambda: with_header(jwk={"kty": "oct", "k": "AA"})
    yield "zip", lambda: with_header(zip="DEF")
    yield "b64 false", lambda: with_header(b64=False)
    for name in ("iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"):
        yield f"no {name}", lambda name=name: with_claims(**{name: ...})
        yield f"{name} null", lambda name=name: with_claims(**{name: None})
        yield f"{name} a list", lambda name=name: with_claims(**{name: [valid_parts()[1][name]]})
        yield f"{name} an object", lambda name=name: with_claims(**{name: {}})
        yield f"{name} true", lambda name=name: with_claims(**{name: True})
    for name in ("iat", "nbf", "exp"):
        yield f"{name} a string", lambda name=name: with_claims(**{name: str(AT + 1)})
        yield f"{name} a float", lambda name=name: with_claims(**{name: AT + 0.5})
        yield f"{name} negative", lambda name=name: with_claims(**{name: -1})
        yield f"{name} 2**70", lambda name=name: with_claims(**{name: 2**70})
        yield f"{name} Infinity", lambda name=name: with_claims(**{name: float("inf")})
    yield "exp 1e400", lambda: with_claims_text(f'"exp": {AT + 900}', '"exp": 1e400')
    yield "exp of 1,500 digits", lambda: with_claims_text(str(AT + 900), "9" * 1_500)
    yield "exp before iat", lambda: with_claims(exp=AT - 1)
    yield "iat far ahead", lambda: with_claims(iat=AT + 61)
    yield "nbf far ahead", lambda: with_claims(nbf=AT + 61)
    for value in ("", "other", "parley ", "PARLEY"):
        yield f"iss {value!r}", lambda iss=value: with_claims(iss=iss)
    for value in ("", "other", OPERATOR_AUDIENCE):
        yield f"aud {value!r}", lambda aud=value: with_claims(aud=aud)
    for value in (
        "",
        "0",
        "-1",
        "01",
        "1.0",
        "1e3",
        " 7",
        "7\n",
        "٧",
        "alice",
        "9" * 19,
        "9" * 99,
    ):
        yield f"sub {value!r}", lambda sub=value: with_claims(sub=sub)
        yield f"sid {value!r}", lambda sid=value: with_claims(sid=sid)
    yield "sub 7, a number", lambda: with_claims(sub=7)
    yield "sub a surrogate", lambda: with_claims_text('"sub": "7"', '"sub": "\\ud800"')
    yield "an empty jti", lambda: with_claims(jti="")
    yield "an operator's token", lambda: AccessTokens(SECRET, [], 15).operator(NOW)


HOSTILE = [pytest.param(make, id=name) for name, make in hostile()]


def test_the_corpus_is_not_empty() -> None:
    assert len(HOSTILE) >= 60


def test_an_issued_token_is_valid(tokens: AccessTokens) -> None:
    token = tokens.issue(ALICE, LAPTOP, NOW)

    assert tokens.read(token, NOW) == (ALICE, LAPTOP, NOW + 15 * 60_000)


def test_a_token_has_the_claims_of_the_protocol(tokens: AccessTokens) -> None:
    header, claims, _ = parts(tokens.issue(ALICE, LAPTOP, NOW))

    assert header.keys() == {"alg", "kid", "typ"}
    assert (header["alg"], header["typ"]) == ("HS256", "at+jwt")
    assert claims.keys() == {"iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"}
    assert (claims["sub"], claims["sid"], claims["aud"]) == ("7", "42", AUDIENCE)
    assert (claims["iat"], claims["nbf"], claims["exp"]) == (AT, AT, AT + 900)


def test_tokens_are_unique(tokens: AccessTokens) -> None:
    assert tokens.issue(ALICE, LAPTOP, NOW) != tokens.issue(ALICE, LAPTOP, NOW)


def test_an_unmodified_token_of_the_corpus_is_valid(tokens: AccessTokens) -> None:
    """Otherwise the corpus would be refused for how it is built, and prove nothing."""
    assert tokens.read(with_header(), NOW).user == ALICE
    assert tokens.read(with_claims(), NOW).user == ALICE
    assert tokens.read(with_claims_text("nothing", ""), NOW).user == ALICE


@pytest.mark.parametrize("make", HOSTILE)
def test_a_hostile_token_is_unauthorized_and_nothing_else(
    tokens: AccessTokens, make: Callable[[], str]
) -> None:
    with pytest.raises(ParleyError) as refused:
        tokens.read(make(), NOW)

    assert type(refused.value) is Unauthorized


@pytest.mark.parametrize("make", HOSTILE[:-1])
def test_a_hostile_token_is_not_an_operators_either(
    tokens: AccessTokens, make: Callable[[], str]
) -> None:
    with pytest.raises(Unauthorized):
        tokens.read_operator(make(), NOW)


def test_a_flipped_bit_is_detected(tokens: AccessTokens) -> None:
    token = tokens.issue(ALICE, LAPTOP, NOW)
    head, _, _ = token.rpartition(".")

    for place in range(len(head)):
        flipped = chr(ord(token[place]) ^ 1)
        with pytest.raises(Unauthorized):
            tokens.read(token[:place] + flipped + token[place + 1 :], NOW)


def test_a_token_expires_to_the_millisecond(tokens: AccessTokens) -> None:
    token = tokens.issue(ALICE, LAPTOP, NOW)
    _, _, ends = tokens.read(token, NOW)

    assert tokens.read(token, Millis(ends - 1)).user == ALICE
    with pytest.raises(TokenExpired):
        tokens.read(token, ends)


def test_a_cached_token_is_still_checked_against_the_clock(tokens: AccessTokens) -> None:
    token = tokens.issue(ALICE, LAPTOP, NOW)
    assert tokens.read(token, NOW) == tokens.read(token, Millis(NOW + 1))

    with pytest.raises(TokenExpired):
        tokens.read(token, Millis(NOW + 15 * 60_000))
    with pytest.raises(Unauthorized):
        tokens.read(token, Millis(NOW - 62_000))
    assert tokens.read(token, NOW).user == ALICE


def test_an_invalid_token_is_never_reported_as_expired(tokens: AccessTokens) -> None:
    with pytest.raises(Unauthorized) as refused:
        tokens.read(signed(header_bytes(), valid_parts()[1], FOREIGN), Millis(NOW + 10**9))

    assert not isinstance(refused.value, TokenExpired)


def test_clocks_may_differ_by_a_minute(tokens: AccessTokens) -> None:
    token = tokens.issue(ALICE, LAPTOP, NOW)

    assert tokens.read(token, Millis(NOW - 60_000)).user == ALICE
    with pytest.raises(Unauthorized):
        tokens.read(token, Millis(NOW - 61_000))


def test_an_old_secret_verifies_but_does_not_sign(tokens: AccessTokens) -> None:
    before = AccessTokens(OLDER, [], 15).issue(ALICE, LAPTOP, NOW)

    assert tokens.read(before, NOW).user == ALICE
    with pytest.raises(Unauthorized):
        AccessTokens(OLDER, [], 15).read(tokens.issue(ALICE, LAPTOP, NOW), NOW)


def test_a_removed_secret_no_longer_verifies() -> None:
    before = AccessTokens(OLDER, [], 15).issue(ALICE, LAPTOP, NOW)

    with pytest.raises(Unauthorized):
        AccessTokens(SECRET, [], 15).read(before, NOW)


def test_the_id_of_one_key_with_the_signature_of_another_is_refused(tokens: AccessTokens) -> None:
    with pytest.raises(Unauthorized):
        tokens.read(signed(header_bytes(), valid_parts()[1], OLDER), NOW)


def test_an_operators_token_expires_after_a_minute(tokens: AccessTokens) -> None:
    token = tokens.operator(NOW)

    tokens.read_operator(token, Millis(NOW + 59_999))
    with pytest.raises(TokenExpired):
        tokens.read_operator(token, Millis(NOW + 60_000))


def test_an_access_token_is_not_an_operators(tokens: AccessTokens) -> None:
    with pytest.raises(Unauthorized):
        tokens.read_operator(tokens.issue(ALICE, LAPTOP, NOW), NOW)


def test_an_operators_token_needs_its_subject(tokens: AccessTokens) -> None:
    header, claims, _ = parts(tokens.operator(NOW))
    text = json.dumps(header, separators=(",", ":"), sort_keys=True)

    tokens.read_operator(signed(text, claims), NOW)
    with pytest.raises(Unauthorized):
        tokens.read_operator(signed(text, {**claims, "sub": "7"}), NOW)


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("", id="empty"),
        pytest.param("k" * 31, id="short"),
        pytest.param(PEM, id="a public key"),
        pytest.param(SSH, id="an SSH key"),
    ],
)
def test_an_unsuitable_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        AccessTokens(secret, [], 15)
    with pytest.raises(ValueError, match="secret"):
        AccessTokens(SECRET, [secret], 15)


def test_the_id_of_a_key_reveals_nothing_of_it(tokens: AccessTokens) -> None:
    header, _, _ = parts(tokens.issue(ALICE, LAPTOP, NOW))

    assert len(header["kid"]) == 16
    assert header["kid"] not in SECRET
