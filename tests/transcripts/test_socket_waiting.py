"""Sockets: what takes its time, by promise. For ``make test-slow``."""

from collections.abc import Callable

import pytest

from tests.transcripts.people import Talk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_socket_presence(talk_on: Callable[..., Talk]) -> None:
    """For 15 s after a start nobody is announced, and for 15 s a reconnect makes no noise."""
    talk = talk_on()
    ann, bob, cat = (talk.person(name) for name in ("ann", "bob", "cat"))
    ann.post("/rooms", {"name": "hall", "kind": "public"}, quietly=True)

    talk.heading("Who came in the first seconds is announced after them")
    socket = ann.connects("/ws/hall?since=1", read_seconds=60)
    socket.hears_presence = True
    socket.hears("welcome", "joined", "caught_up")
    other = bob.connects("/ws/hall?since=2")
    other.hears("welcome", "caught_up")
    socket.hears("member.joined", "presence")

    talk.heading("Coming, and going at once by losing access")
    third = cat.connects("/ws/hall?since=3")
    third.hears("welcome", "caught_up")
    socket.hears("member.joined", "presence")
    ann.put("/rooms/hall/members/cat/ban")
    socket.hears("member.left", "presence")

    talk.heading("Going, once it is certain")
    other.closes()
    other = bob.connects("/ws/hall?since=4")
    other.hears("welcome", "caught_up")
    other.closes()
    socket.hears("presence")
    socket.hears_nothing_more()


def test_socket_idle(talk: Talk) -> None:
    """4108: a ping is not answered."""
    cam = talk.person("cam")
    socket = cam.connects("/ws", answers_pings=False, read_seconds=60)
    socket.hears("welcome")
    socket.is_closed()
