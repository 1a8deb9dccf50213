"""Access tokens with a chosen expiry: docs/protocol.md, section 2.7."""

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode

from tests.transcripts.servers import SECRET


def of_operator(token: str) -> str:
    """A token of the command line, made like this access token."""
    header, payload, _ = token.split(".")
    head = urlsafe_b64decode(header + "==").replace(b'"at+jwt"', b'"op+jwt"')
    claims = json.loads(urlsafe_b64decode(payload + "=="))
    now = int(time.time())
    claims |= {"aud": "parley-operator", "sub": "operator", "nbf": now, "exp": now + 60}
    return _signed(_encoded(head), claims)


def ending_in(token: str, seconds: int) -> str:
    """The same token with another expiry, signed with the servers' secret."""
    header, payload, _ = token.split(".")
    claims = json.loads(urlsafe_b64decode(payload + "=="))
    now = int(time.time())
    claims |= {"iat": now - 600, "nbf": now - 600, "exp": now + seconds}
    return _signed(header, claims)


def _signed(header: str, claims: dict[str, object]) -> str:
    signed = f"{header}.{_encoded(json.dumps(claims).encode())}"
    signature = hmac.digest(SECRET.encode(), signed.encode(), "sha256")
    return f"{signed}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
