"""Event streams, exports and long polls."""

import signal
from collections.abc import Callable

from tests.transcripts.scenario import Scenario

SSE = {"Accept": "text/event-stream"}
LINES = {"Accept": "application/x-ndjson"}


def test_streams_events(scenario: Scenario) -> None:
    vic, val = scenario.user("vic"), scenario.user("val")
    vic.post("/rooms", {"name": "vic-hall", "kind": "public"}, record=False)
    vic.post("/rooms", {"name": "vic-den", "kind": "private"}, record=False)
    vic.post("/rooms/vic-hall/messages", {"text": "Hello"}, record=False)
    events = "/rooms/vic-hall/events"

    scenario.heading("The log, then live events")
    stream = vic.open(events, SSE)
    stream.read_head()
    for _ in range(3):
        stream.read_event()
    val.put("/rooms/vic-hall/members/val")
    stream.read_event()
    stream.close()

    scenario.heading("Resumed with Last-Event-ID, the token in the query")
    stream = scenario.anonymous.open(
        f"{events}?since=1&token={val.token}", {**SSE, "Last-Event-ID": "2"}
    )
    stream.read_head()
    stream.read_event()
    stream.read_event()

    scenario.heading("Removed from the room")
    vic.delete("/rooms/vic-hall/members/val")
    stream.read_rest()

    scenario.heading("A stream without membership, ended by a log-out")
    stream = val.open(f"{events}?since=4", SSE)
    stream.read_head()
    stream.read_event()
    vic.post("/rooms/vic-hall/messages", {"text": "Are you there?"})
    stream.read_event()
    val.get("/rooms/vic-hall")
    val.delete("/users/me/sessions")
    stream.read_rest()

    scenario.heading("Refusals")
    vic.get(f"{events}?since=99", headers=SSE)
    vic.get(f"{events}?limit=3", headers=SSE)
    vic.get(f"{events}?wait=3", headers=SSE)
    vic.get(f"{events}?token={vic.token}", headers=SSE)
    vic.get(events, headers={**SSE, "Last-Event-ID": "x"})
    vic.get(events, headers={"Accept": "image/png"})
    scenario.anonymous.get(events, headers=SSE)
    val = scenario.log_in("val")
    val.get("/rooms/vic-den/events", headers=SSE)


def test_streams_export(scenario: Scenario) -> None:
    wes = scenario.user("wes")
    wes.post("/rooms", {"name": "wes-hall", "kind": "public"}, record=False)
    wes.post("/rooms/wes-hall/messages", {"text": "Hello\nthere"}, record=False)
    wes.delete("/rooms/wes-hall/messages/2", record=False)
    events = "/rooms/wes-hall/events"

    for query in ("", "?since=2", "?since=3"):
        export = wes.open(f"{events}{query}", LINES)
        export.read_head()
        export.read_rest()
    wes.get(f"{events}?since=4", headers=LINES)
    wes.get(f"{events}?limit=3", headers=LINES)
    wes.get(f"{events}?token={wes.token}", headers=LINES)
    scenario.anonymous.get(events, headers=LINES)
    wes.get("/rooms/no-such-room/events", headers=LINES)


def test_streams_poll(scenario: Scenario) -> None:
    xan, xia = scenario.user("xan"), scenario.user("xia")
    xan.post("/rooms", {"name": "xan-hall", "kind": "public"}, record=False)
    events = "/rooms/xan-hall/events"

    scenario.heading("Events that exist are answered at once")
    xan.get(f"{events}?wait=30")

    scenario.heading("A poll waits for the next event")
    poll = xia.open(f"{events}?since=1&wait=30")
    xan.post("/rooms/xan-hall/messages", {"text": "Hello"})
    poll.read_rest()

    scenario.heading("No event within the time")
    xan.get(f"{events}?since=2&wait=1")

    scenario.heading("Refusals")
    xan.get(f"{events}?since=3&wait=30")
    xan.get(f"{events}?wait=61")
    xan.get(f"{events}?wait=-1")


def test_streams_drain(scenario_on: Callable[..., Scenario]) -> None:
    """What clients receive when the server stops."""
    scenario = scenario_on()
    server = scenario.server
    ann, bob, cat = (scenario.user(name) for name in ("ann", "bob", "cat"))
    ann.put("/rooms/general/members/ann", record=False)

    # The poll is sent first, so it has begun when the others have been answered.
    poll = cat.open("/rooms/general/events?since=2&wait=30")
    socket = ann.connect("/ws/general?since=2")
    socket.receive("welcome", "caught_up")
    stream = bob.open("/rooms/general/events?since=2", SSE)
    stream.read_head()
    stream.read_event()
    scenario.transcript.gap()
    scenario.transcript.add("", ">", "SIGTERM")
    assert server.process is not None
    server.process.signal(signal.SIGTERM)
    socket.expect_close()
    stream.read_rest()
    poll.read_rest()
    scenario.transcript.add("exit", "=", str(server.process.ended().code))
