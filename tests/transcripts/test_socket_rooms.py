"""Sockets: how a conversation opens, joins rooms, resumes, and leaves."""

from tests.transcripts.people import Talk


def test_socket_opening(talk: Talk) -> None:
    leo = talk.person("leo")
    leo.post("/rooms", {"name": "leo-den", "kind": "private"}, quietly=True)

    talk.heading("By a header, to one room")
    socket = leo.connects("/ws/leo-den", whole_head=True)
    socket.hears("welcome", "joined", "caught_up")
    socket.closes()

    talk.heading("By a subprotocol, as browsers do")
    socket = leo.connects(
        "/ws",
        token=False,
        subprotocols=["parley.v1", f"bearer.{leo.token}"],
        headers={"Origin": f"http://{talk.server.address}"},
        whole_head=True,
    )
    socket.hears("welcome")
    socket.closes(None)

    talk.heading("By a parameter")
    socket = leo.connects(f"/ws/leo-den?since=0&token={leo.token}", token=False)
    socket.hears("welcome", "joined", "caught_up")
    socket.closes(4999)


def test_socket_refused(talk: Talk) -> None:
    lin, lou = talk.person("lin"), talk.person("lou")
    lin.post("/rooms", {"name": "lin-den", "kind": "private"}, quietly=True)
    lin.post("/rooms", {"name": "lin-hall", "kind": "public"}, quietly=True)
    lin.put("/rooms/lin-hall/members/lou/ban", quietly=True)

    talk.heading("4001: not exactly one good token")
    lin.connects("/ws", token=False).is_closed()
    lin.connects(f"/ws?token={lin.token}").is_closed()
    lin.connects(f"/ws?token={lin.token}&token={lin.token}", token=False).is_closed()
    lin.connects("/ws", token=False, headers={"Authorization": "Bearer nonsense"}).is_closed()
    lin.connects("/ws", token=False, headers={"Authorization": "Basic bm8="}).is_closed()
    lin.connects("/ws", token=False, subprotocols=["parley.v1", "bearer.nonsense"]).is_closed()

    talk.heading("4003: a foreign origin, or banned")
    lin.connects("/ws", headers={"Origin": "https://evil.example.org"}).is_closed()
    lin.connects("/ws", headers={"Origin": "null"}).is_closed()
    lou.connects("/ws/lin-hall").is_closed()

    talk.heading("4004: no such room")
    lou.connects("/ws/lin-den").is_closed()
    lou.connects("/ws/no-such-room").is_closed()
    lou.connects("/ws/no..room").is_closed()

    talk.heading("4000: bad parameters")
    lin.connects("/ws/lin-den?since=x").is_closed()
    lin.connects("/ws/lin-den?since=-1").is_closed()
    lin.connects("/ws/lin-den?limit=201").is_closed()
    lin.connects("/ws/lin-den?colour=red").is_closed()
    lin.connects("/ws/lin-den?since=1&since=2").is_closed()

    talk.heading("No socket at all")
    lin.connects("/wss")
    lin.connects("/ws/lin-den/more")
    lin.get("/ws")
    lin.get("/ws/lin-den")
    lin.post("/ws")


def test_socket_joining(talk: Talk) -> None:
    may, max_ = talk.person("may"), talk.person("max")
    may.post("/rooms", {"name": "may-hall", "title": "Hall", "kind": "public"}, quietly=True)
    may.post("/rooms", {"name": "may-den", "kind": "private"}, quietly=True)
    for number in range(1, 5):
        may.post("/rooms/may-hall/messages", {"text": f"number {number}"}, quietly=True)
    may.post("/rooms/may-hall/messages", {"text": "a reply", "reply_to": 3}, quietly=True)
    may.patch("/rooms/may-hall/messages/3", {"text": "number two, @max"}, quietly=True)
    may.delete("/rooms/may-hall/messages/4", quietly=True)
    may.put("/rooms/may-hall/messages/3/reactions/%F0%9F%91%8D", quietly=True)
    may.put("/rooms/may-hall/messages/5/pin", quietly=True)

    talk.heading("The newest messages")
    socket = may.connects()
    welcome = socket.hears("welcome")
    socket.joins("may-hall", id="j-1")
    socket.joins("May-Hall", id="j-2", limit=2)

    talk.heading("Everything since")
    socket.joins("may-hall", id="j-3", since=0)
    socket.joins("may-hall", id="j-4", since=8, limit=10, epoch=welcome["epoch"])
    socket.joins("may-hall", since=10)

    talk.heading("What the client holds is of no use")
    for request in (
        {"since": 99},
        {"since": 2, "limit": 3},
        {"since": 2, "epoch": "another"},
    ):
        socket.says(type="join", room="may-hall", id="r", **request)
        socket.hears("reset")
    socket.asks(type="typing", room="may-hall", id="t", on=True)

    talk.heading("Joining makes a member of a public room")
    other = max_.connects()
    other.hears("welcome")
    other.says(type="join", room="may-hall", id="j-1", since=9)
    other.hears("caught_up")
    other.asks(type="join", room="may-den", id="j-2")
    other.asks(type="join", room="no-such-room", id="j-3")
    other.asks(type="join", id="j-4")
    other.asks(type="join", room="may-hall", id="j-5", since=-1, limit=201)

    talk.heading("The same over the path")
    third = max_.connects("/ws/may-hall?since=10", as_who="max/2")
    third.hears("welcome", "joined", "caught_up")
    third.closes()
    third = max_.connects("/ws/may-hall?since=99", as_who="max/2")
    third.hears("welcome", "reset")
    third.joins("may-hall", id="j", limit=1)
    third.closes()

    talk.heading("Leaving")
    other.asks(type="leave", room="may-hall", id="l-1")
    other.asks(type="leave", room="may-hall", id="l-2")
    other.asks(type="leave", room="no-such-room", id="l-3")
    other.asks(type="leave", id="l-4")
    max_.post("/rooms/may-hall/messages", {"text": "Still a member"})


def test_socket_losing_a_room(talk: Talk) -> None:
    ned, nan = talk.person("ned"), talk.person("nan")
    for name in ("hall", "yard", "barn"):
        ned.post("/rooms", {"name": f"ned-{name}", "kind": "public"}, quietly=True)
    ned.post("/rooms", {"name": "ned-den", "kind": "private"}, quietly=True)

    talk.heading("Added and removed, while connected")
    socket = nan.connects()
    socket.hears("welcome")
    ned.put("/rooms/ned-den/members/nan")
    socket.hears("added", "activity")
    socket.joins("ned-den", since=2)
    ned.delete("/rooms/ned-den/members/nan")
    socket.hears("removed")
    socket.asks(type="send", room="ned-den", id="s", text="Hello?")

    talk.heading("A room that one does not listen to")
    nan.put("/rooms/ned-yard/members/nan")
    socket.hears("added", "activity")
    nan.delete("/rooms/ned-yard/members/nan")
    socket.hears("removed")

    talk.heading("Banned")
    socket.joins("ned-hall")
    ned.put("/rooms/ned-hall/members/nan/ban")
    socket.hears("removed")
    socket.asks(type="join", room="ned-hall", id="j")

    talk.heading("Archived; it can be joined and read again")
    socket.joins("ned-barn")
    ned.delete("/rooms/ned-barn")
    socket.hears("removed")
    socket.joins("ned-barn", since=2)
    socket.asks(type="send", room="ned-barn", id="s", text="Hello?")
    ned.patch("/rooms/ned-barn", {"archived": False})
    socket.hears("room.reopened")
    socket.closes()

    talk.heading("4003: the room of the path is lost")
    for how, lose in (
        ("left", lambda: nan.delete("/rooms/ned-barn/members/nan")),
        ("removed", lambda: ned.delete("/rooms/ned-barn/members/nan")),
        ("banned", lambda: ned.put("/rooms/ned-barn/members/nan/ban")),
    ):
        socket = nan.connects("/ws/ned-barn?since=4", as_who=f"nan/{how[0]}")
        socket.hears("welcome", "caught_up")
        lose()
        socket.is_closed()
    nan.connects("/ws/ned-barn").is_closed()
    socket = ned.connects("/ws/ned-barn?since=9")
    socket.hears("welcome", "caught_up")
    ned.delete("/rooms/ned-barn")
    socket.is_closed()


def test_socket_activity(talk: Talk) -> None:
    """``activity`` comes at most every two seconds of a room, so each is asked for once."""
    oda, oli = talk.person("oda"), talk.person("oli")
    for name in ("one", "two"):
        oda.post("/rooms", {"name": f"oda-{name}", "kind": "private"}, quietly=True)
        oda.put(f"/rooms/oda-{name}/members/oli", quietly=True)
    socket = oli.connects()
    socket.hears("welcome")

    talk.heading("A message, and one that mentions")
    oda.post("/rooms/oda-one/messages", {"text": "Hello"})
    socket.hears("activity")
    oda.post("/rooms/oda-two/messages", {"text": "Hello @oli"})
    socket.hears("activity")

    talk.heading("A new direct room")
    oda.put("/rooms/direct/oli")
    socket.hears("added", "activity")
    oli.post("/rooms", {"name": "oli-den", "kind": "private"})
    socket.hears("added", "activity")
