"""Sockets: every close code that can be caused within a moment, and limits."""

from collections.abc import Callable

from tests.transcripts import tokens
from tests.transcripts.people import PASSWORD, Person, Socket, Talk

TalkOn = Callable[..., Talk]


def test_socket_log_outs(talk: Talk) -> None:
    """4001: the log-in ends, however that comes about."""
    yul = talk.person("yul")

    def connected(who: Person, name: str) -> Socket:
        socket = who.connects("/ws", as_who=name)
        socket.hears("welcome")
        return socket

    talk.heading("This log-in, by its token, and by its number")
    first, second, third = (talk.log_in("yul") for _ in range(3))
    sockets = [connected(who, f"yul/{n}") for n, who in enumerate((first, second, third), 1)]
    talk.stranger.post("/token/revoke", form={"token": first.refresh_token})
    sockets[0].is_closed()
    sessions = second.get("/users/me/sessions?limit=1").json["sessions"]
    second.delete(f"/users/me/sessions/{sessions[0]['id']}")
    sockets[2].is_closed()

    talk.heading("All other ones, by a new password")
    own = connected(yul, "yul")
    new = "a better horse battery"
    yul.patch("/users/me", {"password": new, "current_password": PASSWORD})
    sockets[1].is_closed()
    own.hears_nothing_more()

    talk.heading("All of them, by a log-out everywhere")
    yul.delete("/users/me/sessions")
    own.is_closed()

    talk.heading("By the end of the account")
    zoe = talk.person("zoe")
    own = connected(zoe, "zoe")
    zoe.delete("/users/me", {"password": PASSWORD})
    own.is_closed()


def test_socket_tokens(talk: Talk) -> None:
    abe, amy = talk.person("abe"), talk.person("amy")

    talk.heading("A token that has ended")
    past = tokens.ending_in(abe.token, -100)
    ended = {"Authorization": f"Bearer {past}"}
    abe.get("/users/me", headers=ended)
    abe.get("/rooms/general/messages", headers=ended)
    abe.connects("/ws", token=False, headers=ended).is_closed()

    talk.heading("One that is about to end, and another in its place")
    nearly = {"Authorization": f"Bearer {tokens.ending_in(abe.token, 50)}"}
    socket = abe.connects("/ws", token=False, headers=nearly)
    socket.hears("welcome", "auth_expiring")
    socket.asks(type="auth", id="a-1", token=talk.log_in("abe").token)
    socket.asks(type="auth", id="a-2", token=amy.token)
    socket.asks(type="auth", id="a-3", token="nonsense")
    socket.asks(type="auth", id="a-4", token=past)
    socket.asks(type="auth", id="a-5")
    socket.hears_nothing_more()

    talk.heading("One that ends while it is used")
    socket.asks(type="auth", id="a-6", token=tokens.ending_in(abe.token, 3))
    socket.is_closed()


def test_socket_bad_frames(talk: Talk) -> None:
    bel = talk.person("bel")
    bel.post("/rooms", {"name": "bel-den", "kind": "private"}, quietly=True)

    def connected() -> Socket:
        socket = bel.connects("/ws/bel-den?since=1")
        socket.hears("welcome", "caught_up")
        return socket

    talk.heading("4000: twenty in a row")
    socket = connected()
    socket.types("{", times=19)
    socket.is_answered(19)
    socket.asks(type="ping", id="p")
    socket.types("{", times=20)
    socket.is_answered(19)
    socket.is_closed()

    talk.heading("1009: too large")
    socket = connected()
    socket.types("x" * 65_537)
    socket.is_closed()

    talk.heading("1007: no UTF-8")
    socket = connected()
    socket.sends_raw("a text frame of the byte ff", b"\x81\x81\0\0\0\0\xff")
    socket.is_closed()

    talk.heading("1002: no frames of a client")
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
        socket.sends_raw(what, data)
        socket.is_closed()

    talk.heading("A message in parts, with a ping in between")
    socket = connected()
    socket.sends_raw("the beginning of a text", b"\x01\x82\0\0\0\0Hi")
    socket.sends_raw("a ping", b"\x89\x81\0\0\0\0?")
    socket.sends_raw("its end", b"\x80\x81\0\0\0\0!")
    socket.hears("ack")


def test_socket_limits(talk_on: TalkOn) -> None:
    """Bursts are sent at once: no machine is so slow that a bucket fills in between."""
    talk = talk_on(sends_per_second="1", send_burst="1", frames_per_second="1", frame_burst="2")
    ann = talk.person("ann")
    ann.put("/rooms/general/members/ann", quietly=True)

    talk.heading("Messages")
    socket = ann.connects("/ws/general?since=2")
    socket.hears("welcome", "caught_up")
    socket.says_at_once(
        {"type": "send", "id": "m-1", "text": "one"}, {"type": "send", "id": "m-2", "text": "two"}
    )
    socket.hears("error", "ack")
    socket.closes()
    ann.posts_until(429, "/rooms/general/messages", {"text": "three"})

    talk.heading("4129: frames")
    socket = ann.connects("/ws")
    socket.hears("welcome")
    socket.says_at_once(*({"type": "ping", "id": f"p-{n}"} for n in range(1, 4)))
    socket.hears("pong", "pong", "error")
    socket.says_at_once(*({"type": "ping"} for _ in range(120)))
    socket.is_closed(shows_frames=False)


def test_socket_connections(talk_on: TalkOn) -> None:
    """4009: more connections than one user may have."""
    talk = talk_on(max_connections_per_user="1")
    ann, bob = talk.person("ann"), talk.person("bob")
    socket = ann.connects("/ws")
    socket.hears("welcome")
    ann.connects("/ws", as_who="ann/2").is_closed()
    ann.connects("/ws/general", as_who="ann/2").is_closed()
    ann.get("/rooms/general/events?since=1&wait=30")
    ann.get("/rooms/general/events", headers={"Accept": "application/x-ndjson"})
    stream = ann.opens("/rooms/general/events", {"Accept": "text/event-stream"})
    stream.begins()
    stream.ends()
    bob.connects("/ws").hears("welcome")
    socket.hears_nothing_more()


def test_socket_slow_reader(talk_on: TalkOn) -> None:
    """4102: what a client has not read is more than may be unsent."""
    talk = talk_on(max_unsent_bytes="65536")
    ann, bob = talk.person("ann"), talk.person("bob")
    ann.put("/rooms/general/members/ann", quietly=True)
    reader = bob.connects("/ws/general", receive_buffer=4096)
    reader.hears("welcome", "caught_up")

    speaker = ann.connects("/ws")
    speaker.hears("welcome")
    send = {"type": "send", "room": "general", "text": "x" * 4000}
    speaker.says_at_once(*[send] * 100)
    speaker.is_acknowledged(100)
    # One more finds that those before have not been taken; when the one after it is answered,
    # it has been passed on. Who is cut off has half a second to begin to read.
    for _ in range(2):
        speaker.says(**send)
        speaker.is_acknowledged(1)
    reader.is_closed(shows_frames=False)


def test_http_throttle(talk_on: TalkOn) -> None:
    talk = talk_on(failed_logins_per_minute="2", registrations_per_minute="1")
    stranger = talk.stranger

    talk.heading("Registering")
    stranger.post("/users", {"username": "ann", "password": PASSWORD})
    stranger.post("/users", {"username": "bob", "password": PASSWORD})

    talk.heading("Logging in")
    for _ in range(2):
        stranger.post("/token", form={"username": "ann", "password": "wrong"})
    stranger.post("/token", form={"username": "ann", "password": PASSWORD})
    stranger.post("/token", form={"username": "no-ann", "password": PASSWORD})
