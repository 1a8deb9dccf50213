"""Sockets: close codes and limits."""

from collections.abc import Callable

import pytest

from tests.transcripts import tokens
from tests.transcripts.scenario import PASSWORD, Scenario
from tests.transcripts.socket_client import SocketClient
from tests.transcripts.user import User

ScenarioOn = Callable[..., Scenario]


def test_socket_sessions_end(scenario: Scenario) -> None:
    """4001: the session ends, for each possible reason."""
    yul = scenario.user("yul")

    def connected(who: User, name: str) -> SocketClient:
        socket = who.connect("/ws", as_who=name)
        socket.receive("welcome")
        return socket

    scenario.heading("One session, revoked by its token and by its id")
    first, second, third = (scenario.log_in("yul") for _ in range(3))
    sockets = [connected(who, f"yul/{n}") for n, who in enumerate((first, second, third), 1)]
    scenario.anonymous.post("/token/revoke", form={"token": first.refresh_token})
    sockets[0].expect_close()
    sessions = second.get("/users/me/sessions?limit=1").json["sessions"]
    second.delete(f"/users/me/sessions/{sessions[0]['id']}")
    sockets[2].expect_close()

    scenario.heading("All other sessions, after a change of password")
    own = connected(yul, "yul")
    new = "a better horse battery"
    yul.patch("/users/me", {"password": new, "current_password": PASSWORD})
    sockets[1].expect_close()
    own.expect_silence()

    scenario.heading("All sessions, after a log-out everywhere")
    yul.delete("/users/me/sessions")
    own.expect_close()

    scenario.heading("After the account is erased, which others see")
    zoe, wyn = scenario.user("zoe"), scenario.user("wyn")
    wyn.post("/rooms", {"name": "wyn-den", "kind": "private"}, record=False)
    wyn.put("/rooms/wyn-den/members/zoe", record=False)
    other = wyn.connect("/ws/wyn-den")
    other.receive("welcome", "joined", "caught_up")
    own = connected(zoe, "zoe")
    zoe.delete("/users/me", {"password": PASSWORD})
    own.expect_close()
    other.receive("member.left", "user.erased")


def test_socket_tokens(scenario: Scenario) -> None:
    abe, amy = scenario.user("abe"), scenario.user("amy")

    scenario.heading("An expired token")
    past = tokens.ending_in(abe.token, -100)
    ended = {"Authorization": f"Bearer {past}"}
    abe.get("/users/me", headers=ended)
    abe.get("/rooms/general/messages", headers=ended)
    abe.connect("/ws", token=False, headers=ended).expect_close()

    scenario.heading("A token that is about to expire, and a new one")
    nearly = {"Authorization": f"Bearer {tokens.ending_in(abe.token, 50)}"}
    socket = abe.connect("/ws", token=False, headers=nearly)
    socket.receive("welcome", "auth_expiring")
    socket.request(type="auth", id="a-1", token=scenario.log_in("abe").token)
    socket.request(type="auth", id="a-2", token=amy.token)
    socket.request(type="auth", id="a-3", token="nonsense")
    socket.request(type="auth", id="a-4", token=past)
    socket.request(type="auth", id="a-5")
    socket.expect_silence()

    scenario.heading("A token that expires on an open socket")
    socket.request(type="auth", id="a-6", token=tokens.ending_in(abe.token, 3))
    socket.expect_close()


@pytest.mark.usefixtures("own_transport")
def test_socket_bad_frames(scenario: Scenario) -> None:
    bel = scenario.user("bel")
    bel.post("/rooms", {"name": "bel-den", "kind": "private"}, record=False)

    def connected() -> SocketClient:
        socket = bel.connect("/ws/bel-den?since=1")
        socket.receive("welcome", "caught_up")
        return socket

    scenario.heading("4000: twenty bad frames in a row")
    socket = connected()
    socket.send_text("{", times=19)
    socket.receive_repeated(19)
    socket.request(type="ping", id="p")
    socket.send_text("{", times=20)
    socket.receive_repeated(19)
    socket.expect_close()

    scenario.heading("1009: frame too large")
    socket = connected()
    socket.send_text("x" * 65_537)
    socket.expect_close()

    scenario.heading("1007: invalid UTF-8")
    socket = connected()
    socket.send_raw_bytes("a text frame of the byte ff", b"\x81\x81\0\0\0\0\xff")
    socket.expect_close()

    scenario.heading("1002: protocol errors")
    for what, data in (
        ("a frame without a mask", b"\x81\x01x"),
        ("a frame with a reserved bit", b"\xc1\x81\0\0\0\0x"),
        ("a frame of an unknown kind", b"\x83\x81\0\0\0\0x"),
        ("a continuation of nothing", b"\x80\x81\0\0\0\0x"),
        ("a ping in two parts", b"\x09\x80\0\0\0\0"),
        ("a close with one byte", b"\x88\x81\0\0\0\0x"),
        ("a close with a code that is reserved", b"\x88\x82\0\0\0\0\x03\xed"),
    ):
        socket = connected()
        socket.send_raw_bytes(what, data)
        socket.expect_close()

    scenario.heading("A fragmented message, with a ping in between")
    socket = connected()
    socket.send_raw_bytes("the beginning of a text", b"\x01\x82\0\0\0\0Hi")
    socket.send_raw_bytes("a ping", b"\x89\x81\0\0\0\0?")
    socket.send_raw_bytes("its end", b"\x80\x81\0\0\0\0!")
    socket.receive("ack")


def test_socket_limits(scenario_on: ScenarioOn) -> None:
    """Each burst is one write, so that no token bucket refills in between."""
    scenario = scenario_on(
        sends_per_second="1", send_burst="1", frames_per_second="1", frame_burst="2"
    )
    ann = scenario.user("ann")
    ann.put("/rooms/general/members/ann", record=False)

    scenario.heading("Messages")
    socket = ann.connect("/ws/general?since=2")
    socket.receive("welcome", "caught_up")
    socket.send_together(
        {"type": "send", "id": "m-1", "text": "one"}, {"type": "send", "id": "m-2", "text": "two"}
    )
    socket.receive("error", "ack")
    socket.close()
    ann.post_until(429, "/rooms/general/messages", {"text": "three"})

    scenario.heading("Frames; 4129")
    socket = ann.connect("/ws")
    socket.receive("welcome")
    socket.send_together(*({"type": "ping", "id": f"p-{n}"} for n in range(1, 4)))
    socket.receive("pong", "pong", "error")
    socket.send_together(*({"type": "ping"} for _ in range(120)))
    socket.expect_close(record_frames=False)


def test_socket_connections(scenario_on: ScenarioOn) -> None:
    """4109: too many connections of one user. A stream holds the place: it can't be pinged."""
    scenario = scenario_on(max_connections_per_user="1")
    ann, bob = scenario.user("ann"), scenario.user("bob")
    held = ann.open("/rooms/general/events", {"Accept": "text/event-stream"})
    held.read_head()
    ann.connect("/ws", as_who="ann/2").expect_close()
    ann.connect("/ws/general", as_who="ann/2").expect_close()
    ann.get("/rooms/general/events?since=1&wait=30")
    ann.get("/rooms/general/events", headers={"Accept": "application/x-ndjson"})
    stream = ann.open("/rooms/general/events", {"Accept": "text/event-stream"})
    stream.read_head()
    stream.read_rest()
    bob.connect("/ws").receive("welcome")
    held.close()


def test_socket_slow_reader(scenario_on: ScenarioOn) -> None:
    """4102: more is unsent than allowed."""
    scenario = scenario_on(max_unsent_bytes="65536")
    ann, bob = scenario.user("ann"), scenario.user("bob")
    ann.put("/rooms/general/members/ann", record=False)
    reader = bob.connect("/ws/general", receive_buffer=4096)
    reader.receive("welcome", "caught_up")

    speaker = ann.connect("/ws")
    speaker.receive("welcome")
    send = {"type": "send", "room": "general", "text": "x" * 4000}
    speaker.send_together(*[send] * 100)
    speaker.receive_silently("ack", 100)
    # The next message finds the limit exceeded. It has reached the reader's connection when
    # the one after it is acknowledged. From then on, the reader has half a second to read on.
    for _ in range(2):
        speaker.send(**send)
        speaker.receive_silently("ack", 1)
    reader.expect_close(record_frames=False)


def test_http_throttle(scenario_on: ScenarioOn) -> None:
    scenario = scenario_on(failed_logins_per_minute="2", registrations_per_minute="1")
    anonymous = scenario.anonymous

    scenario.heading("Registering")
    anonymous.post("/users", {"username": "ann", "password": PASSWORD})
    anonymous.post("/users", {"username": "bob", "password": PASSWORD})

    scenario.heading("Logging in")
    for _ in range(2):
        anonymous.post("/token", form={"username": "ann", "password": "wrong"})
    anonymous.post("/token", form={"username": "ann", "password": PASSWORD})
    anonymous.post("/token", form={"username": "no-ann", "password": PASSWORD})
