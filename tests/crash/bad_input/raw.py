"""Bad bytes on a connection: what no client library would send."""

from collections.abc import Iterator

from tests.crash.bad_input.raw_frames import bad_frames
from tests.crash.bad_input.raw_handshakes import handshake, handshakes, tokens
from tests.crash.bad_input.raw_requests import requests


def fixed(token: str) -> Iterator[bytes]:
    """Everything that is sent on a connection of its own."""
    yield from requests()
    yield from handshakes(token)
    yield from tokens(token)
    opening = handshake(token)
    yield from (opening + frames for frames in bad_frames())
