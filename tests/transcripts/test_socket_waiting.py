"""Sockets: behaviour that takes 15 s or more by definition. For ``make test-slow``."""

from collections.abc import Callable

import pytest

from tests.transcripts.scenario import Scenario

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_socket_presence(scenario_on: Callable[..., Scenario]) -> None:
    """No announcement in the first 15 s of a server, nor for a reconnect within 15 s."""
    scenario = scenario_on()
    ann, bob, cat = (scenario.user(name) for name in ("ann", "bob", "cat"))
    ann.post("/rooms", {"name": "hall", "kind": "public"}, record=False)

    scenario.heading("Announced 15 s after the start")
    socket = ann.connect("/ws/hall?since=1", read_seconds=60)
    socket.records_presence = True
    socket.receive("welcome", "joined", "caught_up")
    other = bob.connect("/ws/hall?since=2")
    other.receive("welcome", "caught_up")
    socket.receive("member.joined", "presence")

    scenario.heading("Joining, and losing access")
    third = cat.connect("/ws/hall?since=3")
    third.receive("welcome", "caught_up")
    socket.receive("member.joined", "presence")
    ann.put("/rooms/hall/members/cat/ban")
    socket.receive("member.left", "presence")

    scenario.heading("Leaving: announced after 15 s without a reconnect")
    other.close()
    other = bob.connect("/ws/hall?since=4")
    other.receive("welcome", "caught_up")
    other.close()
    socket.receive("presence")
    socket.expect_silence()


@pytest.mark.usefixtures("own_transport")
def test_socket_idle(scenario: Scenario) -> None:
    """4108: no answer to a ping."""
    cam = scenario.user("cam")
    socket = cam.connect("/ws", answers_pings=False, read_seconds=60)
    socket.receive("welcome")
    socket.expect_close()
