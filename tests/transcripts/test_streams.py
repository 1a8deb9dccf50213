"""What stays open over HTTP: event streams, exports, long polls."""

import signal
from collections.abc import Callable

from tests.transcripts.people import Talk

SSE = {"Accept": "text/event-stream"}
LINES = {"Accept": "application/x-ndjson"}


def test_streams_events(talk: Talk) -> None:
    vic, val = talk.person("vic"), talk.person("val")
    vic.post("/rooms", {"name": "vic-hall", "kind": "public"}, quietly=True)
    vic.post("/rooms", {"name": "vic-den", "kind": "private"}, quietly=True)
    vic.post("/rooms/vic-hall/messages", {"text": "Hello"}, quietly=True)
    events = "/rooms/vic-hall/events"

    talk.heading("The log, then what happens")
    stream = vic.opens(events, SSE)
    stream.begins()
    for _ in range(3):
        stream.says()
    val.put("/rooms/vic-hall/members/val")
    stream.says()
    stream.hangs_up()

    talk.heading("From where it broke off, with the token in the path")
    stream = talk.stranger.opens(
        f"{events}?since=1&token={val.token}", {**SSE, "Last-Event-ID": "2"}
    )
    stream.begins()
    stream.says()
    stream.says()

    talk.heading("Removed: the stream ends")
    vic.delete("/rooms/vic-hall/members/val")
    stream.ends()

    talk.heading("Listening makes nobody a member, and a log-out ends it")
    stream = val.opens(f"{events}?since=4", SSE)
    stream.begins()
    stream.says()
    vic.post("/rooms/vic-hall/messages", {"text": "Are you there?"})
    stream.says()
    val.get("/rooms/vic-hall")
    val.delete("/users/me/sessions")
    stream.ends()

    talk.heading("What is refused")
    vic.get(f"{events}?since=99", headers=SSE)
    vic.get(f"{events}?limit=3", headers=SSE)
    vic.get(f"{events}?wait=3", headers=SSE)
    vic.get(f"{events}?token={vic.token}", headers=SSE)
    vic.get(events, headers={**SSE, "Last-Event-ID": "x"})
    vic.get(events, headers={"Accept": "image/png"})
    talk.stranger.get(events, headers=SSE)
    val = talk.log_in("val")
    val.get("/rooms/vic-den/events", headers=SSE)


def test_streams_export(talk: Talk) -> None:
    wes = talk.person("wes")
    wes.post("/rooms", {"name": "wes-hall", "kind": "public"}, quietly=True)
    wes.post("/rooms/wes-hall/messages", {"text": "Hello\nthere"}, quietly=True)
    wes.delete("/rooms/wes-hall/messages/2", quietly=True)
    events = "/rooms/wes-hall/events"

    for query in ("", "?since=2", "?since=3"):
        export = wes.opens(f"{events}{query}", LINES)
        export.begins()
        export.ends()
    wes.get(f"{events}?since=4", headers=LINES)
    wes.get(f"{events}?limit=3", headers=LINES)
    wes.get(f"{events}?token={wes.token}", headers=LINES)
    talk.stranger.get(events, headers=LINES)
    wes.get("/rooms/no-such-room/events", headers=LINES)


def test_streams_poll(talk: Talk) -> None:
    xan, xia = talk.person("xan"), talk.person("xia")
    xan.post("/rooms", {"name": "xan-hall", "kind": "public"}, quietly=True)
    events = "/rooms/xan-hall/events"

    talk.heading("What is there is answered at once")
    xan.get(f"{events}?wait=30")

    talk.heading("What comes is waited for")
    poll = xia.opens(f"{events}?since=1&wait=30")
    xan.post("/rooms/xan-hall/messages", {"text": "Hello"})
    poll.ends()

    talk.heading("Nothing comes")
    xan.get(f"{events}?since=2&wait=1")

    talk.heading("What is refused")
    xan.get(f"{events}?since=3&wait=30")
    xan.get(f"{events}?wait=61")
    xan.get(f"{events}?wait=-1")


def test_streams_drain(talk_on: Callable[..., Talk]) -> None:
    """The server stops: whoever is connected is told."""
    talk = talk_on()
    server = talk.server
    ann, bob, cat = (talk.person(name) for name in ("ann", "bob", "cat"))
    ann.put("/rooms/general/members/ann", quietly=True)

    # What comes later is answered later: the poll has begun when the others are there.
    poll = cat.opens("/rooms/general/events?since=2&wait=30")
    socket = ann.connects("/ws/general?since=2")
    socket.hears("welcome", "caught_up")
    stream = bob.opens("/rooms/general/events?since=2", SSE)
    stream.begins()
    stream.says()
    talk.transcript.gap()
    talk.transcript.add("", ">", "SIGTERM")
    assert server.process is not None
    server.process.signal(signal.SIGTERM)
    socket.is_closed()
    stream.ends()
    poll.ends()
    talk.transcript.add("exit", "=", str(server.process.ended().code))
