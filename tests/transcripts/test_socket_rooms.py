"""Sockets: handshakes, joins, replays, and the end of access."""

import pytest

from tests.transcripts.scenario import Scenario


def test_socket_opening(scenario: Scenario) -> None:
    leo = scenario.user("leo")
    leo.post("/rooms", {"name": "leo-den", "kind": "private"}, record=False)

    scenario.heading("Token in a header, one room")
    socket = leo.connect("/ws/leo-den", whole_head=True)
    socket.receive("welcome", "joined", "caught_up")
    socket.close()

    scenario.heading("Token in a subprotocol, as from browsers")
    socket = leo.connect(
        "/ws",
        token=False,
        subprotocols=["parley.v1", f"bearer.{leo.token}"],
        headers={"Origin": f"http://{scenario.server.address}"},
        whole_head=True,
    )
    socket.receive("welcome")
    socket.close(None)

    scenario.heading("Token in a parameter")
    socket = leo.connect(f"/ws/leo-den?since=0&token={leo.token}", token=False)
    socket.receive("welcome", "joined", "caught_up")
    socket.close(4999)


@pytest.mark.usefixtures("own_transport")
def test_socket_refused(scenario: Scenario) -> None:
    lin, lou = scenario.user("lin"), scenario.user("lou")
    lin.post("/rooms", {"name": "lin-den", "kind": "private"}, record=False)
    lin.post("/rooms", {"name": "lin-hall", "kind": "public"}, record=False)
    lin.put("/rooms/lin-hall/members/lou/ban", record=False)

    scenario.heading("4001: not exactly one good token")
    lin.connect("/ws", token=False).expect_close()
    lin.connect(f"/ws?token={lin.token}").expect_close()
    lin.connect(f"/ws?token={lin.token}&token={lin.token}", token=False).expect_close()
    lin.connect("/ws", token=False, headers={"Authorization": "Bearer nonsense"}).expect_close()
    lin.connect("/ws", token=False, headers={"Authorization": "Basic bm8="}).expect_close()
    lin.connect("/ws", token=False, subprotocols=["parley.v1", "bearer.nonsense"]).expect_close()

    scenario.heading("4003: foreign origin, banned")
    lin.connect("/ws", headers={"Origin": "https://evil.example.org"}).expect_close()
    lin.connect("/ws", headers={"Origin": "null"}).expect_close()
    lou.connect("/ws/lin-hall").expect_close()

    scenario.heading("4004: no such room")
    lou.connect("/ws/lin-den").expect_close()
    lou.connect("/ws/no-such-room").expect_close()
    lou.connect("/ws/no..room").expect_close()

    scenario.heading("4000: bad parameters")
    lin.connect("/ws/lin-den?since=x").expect_close()
    lin.connect("/ws/lin-den?since=-1").expect_close()
    lin.connect("/ws/lin-den?limit=201").expect_close()
    lin.connect("/ws/lin-den?colour=red").expect_close()
    lin.connect("/ws/lin-den?since=1&since=2").expect_close()

    scenario.heading("Not a WebSocket endpoint, not a handshake")
    lin.connect("/wss")
    lin.connect("/ws/lin-den/more")
    lin.get("/ws")
    lin.get("/ws/lin-den")
    lin.post("/ws")


def test_socket_joining(scenario: Scenario) -> None:
    may, max_ = scenario.user("may"), scenario.user("max")
    may.post("/rooms", {"name": "may-hall", "title": "Hall", "kind": "public"}, record=False)
    may.post("/rooms", {"name": "may-den", "kind": "private"}, record=False)
    for number in range(1, 5):
        may.post("/rooms/may-hall/messages", {"text": f"number {number}"}, record=False)
    may.post("/rooms/may-hall/messages", {"text": "a reply", "reply_to": 3}, record=False)
    may.patch("/rooms/may-hall/messages/3", {"text": "number two, @max"}, record=False)
    may.delete("/rooms/may-hall/messages/4", record=False)
    may.put("/rooms/may-hall/messages/3/reactions/%F0%9F%91%8D", record=False)
    may.put("/rooms/may-hall/messages/5/pin", record=False)

    scenario.heading("The newest messages")
    socket = may.connect()
    welcome = socket.receive("welcome")
    socket.join_room("may-hall", id="j-1")
    socket.join_room("May-Hall", id="j-2", limit=2)

    scenario.heading("Everything since a seq")
    socket.join_room("may-hall", id="j-3", since=0)
    socket.join_room("may-hall", id="j-4", since=8, limit=10, epoch=welcome["epoch"])
    socket.join_room("may-hall", since=10)

    scenario.heading("reset")
    for request in (
        {"since": 99},
        {"since": 2, "limit": 3},
        {"since": 2, "epoch": "another"},
    ):
        socket.send(type="join", room="may-hall", id="r", **request)
        socket.receive("reset")
    socket.request(type="typing", room="may-hall", id="t", on=True)

    scenario.heading("Joining a public room makes a member")
    other = max_.connect()
    other.receive("welcome")
    other.send(type="join", room="may-hall", id="j-1", since=9)
    other.receive("caught_up")
    other.request(type="join", room="may-den", id="j-2")
    other.request(type="join", room="no-such-room", id="j-3")
    other.request(type="join", id="j-4")
    other.request(type="join", room="may-hall", id="j-5", since=-1, limit=201)

    scenario.heading("The same by path")
    third = max_.connect("/ws/may-hall?since=10", as_who="max/2")
    third.receive("welcome", "joined", "caught_up")
    third.close()
    third = max_.connect("/ws/may-hall?since=99", as_who="max/2")
    third.receive("welcome", "reset")
    third.join_room("may-hall", id="j", limit=1)
    third.close()

    scenario.heading("Leaving")
    other.request(type="leave", room="may-hall", id="l-1")
    other.request(type="leave", room="may-hall", id="l-2")
    other.request(type="leave", room="no-such-room", id="l-3")
    other.request(type="leave", id="l-4")
    max_.post("/rooms/may-hall/messages", {"text": "Still a member"})


def test_socket_many_rooms(scenario: Scenario) -> None:
    """A connection joins at most 64 rooms."""
    dov = scenario.user("dov")
    rooms = [f"dov-{number}" for number in range(65)]
    for room in rooms:
        dov.post("/rooms", {"name": room, "kind": "private"}, record=False)
    socket = dov.connect(f"/ws/{rooms.pop()}?since=1")
    socket.receive("welcome", "caught_up")
    last = rooms.pop()
    socket.send_together(*({"type": "join", "room": room, "since": 1} for room in rooms))
    socket.receive_silently("caught_up", 63)
    socket.request(type="join", id="j-1", room=last)
    socket.request(type="leave", id="l-1", room=rooms[0])
    socket.join_room(last, id="j-2")


def test_socket_losing_a_room(scenario: Scenario) -> None:
    ned, nan = scenario.user("ned"), scenario.user("nan")
    for name in ("hall", "yard", "barn"):
        ned.post("/rooms", {"name": f"ned-{name}", "kind": "public"}, record=False)
    ned.post("/rooms", {"name": "ned-den", "kind": "private"}, record=False)

    scenario.heading("Added and removed while connected")
    socket = nan.connect()
    socket.receive("welcome")
    ned.put("/rooms/ned-den/members/nan")
    socket.receive("added", "activity")
    socket.join_room("ned-den", since=2)
    ned.delete("/rooms/ned-den/members/nan")
    socket.receive("removed")
    socket.request(type="send", room="ned-den", id="s", text="Hello?")

    scenario.heading("A room that is not joined")
    nan.put("/rooms/ned-yard/members/nan")
    socket.receive("added", "activity")
    nan.delete("/rooms/ned-yard/members/nan")
    socket.receive("removed")

    scenario.heading("Banned")
    socket.join_room("ned-hall")
    ned.put("/rooms/ned-hall/members/nan/ban")
    socket.receive("removed")
    socket.request(type="join", room="ned-hall", id="j")

    scenario.heading("Archived, then joined again to read")
    socket.join_room("ned-barn")
    ned.delete("/rooms/ned-barn")
    socket.receive("removed")
    socket.join_room("ned-barn", since=2)
    socket.request(type="send", room="ned-barn", id="s", text="Hello?")
    ned.patch("/rooms/ned-barn", {"archived": False})
    socket.receive("room.reopened")
    socket.close()

    scenario.heading("4003: the room of the path is lost")
    nan_in_barn = "/rooms/ned-barn/members/nan"
    for who, method, path in (
        (nan, "DELETE", nan_in_barn),
        (ned, "DELETE", nan_in_barn),
        (ned, "PUT", f"{nan_in_barn}/ban"),
    ):
        socket = nan.connect("/ws/ned-barn?since=4")
        socket.receive("welcome", "caught_up")
        who.request(method, path)
        socket.expect_close()
    nan.connect("/ws/ned-barn").expect_close()
    socket = ned.connect("/ws/ned-barn?since=9")
    socket.receive("welcome", "caught_up")
    ned.delete("/rooms/ned-barn")
    socket.expect_close()


def test_socket_activity(scenario: Scenario) -> None:
    """One ``activity`` per room: a second one would come up to two seconds later."""
    oda, oli = scenario.user("oda"), scenario.user("oli")
    for name in ("one", "two"):
        oda.post("/rooms", {"name": f"oda-{name}", "kind": "private"}, record=False)
        oda.put(f"/rooms/oda-{name}/members/oli", record=False)
    socket = oli.connect()
    socket.receive("welcome")

    scenario.heading("A message, and a mention")
    oda.post("/rooms/oda-one/messages", {"text": "Hello"})
    socket.receive("activity")
    oda.post("/rooms/oda-two/messages", {"text": "Hello @oli"})
    socket.receive("activity")

    scenario.heading("A new direct room")
    oda.put("/rooms/direct/oli")
    socket.receive("added", "activity")
    oli.post("/rooms", {"name": "oli-den", "kind": "private"})
    socket.receive("added", "activity")
