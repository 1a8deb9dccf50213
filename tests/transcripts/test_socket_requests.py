"""Sockets: what is asked on them, how it is answered, and who else hears of it."""

from tests.transcripts.people import Socket, Talk


def two_in_a_room(talk: Talk, one: str, other: str) -> tuple[Socket, Socket]:
    """Two users, each with a socket to a room of the first."""
    owner, guest = talk.person(one), talk.person(other)
    room = f"{one}-hall"
    owner.post("/rooms", {"name": room, "kind": "public"}, quietly=True)
    guest.put(f"/rooms/{room}/members/{other}", quietly=True)
    sockets = [person.connects(f"/ws/{room}?since=2") for person in (owner, guest)]
    for socket in sockets:
        socket.hears("welcome", "joined", "caught_up")
    return sockets[0], sockets[1]


def test_socket_sending(talk: Talk) -> None:
    pam, pia = two_in_a_room(talk, "pam", "pia")

    talk.heading("A message")
    pam.asks(type="send", id="m-1", text="Hello @pia")
    pia.hears("message.created")
    pam.asks(type="send", id="m-1", text="Hello @pia")
    pam.asks(type="send", id="m-1", text="Something else")
    pam.asks(type="send", text="Without an id")
    pia.hears("message.created")
    pia.asks(type="send", id="m-2", text="Hi 👋", reply_to=3, data={"card": [1, None]})
    pam.hears("message.created")
    pia.asks(type="send", id="m-3", room="general", text="Hi")
    pia.asks(type="send", id="m-4", room="no-such-room", text="Hi")

    talk.heading("Wrong ones")
    pam.asks(type="send", id="w-1", text="")
    pam.asks(type="send", id="w-2", text=" \n")
    pam.asks(type="send", id="w-3", text="x" * 4001)
    pam.asks(type="send", id="w-4", text="a\0b")
    pam.asks(type="send", id="w-5", text=1, colour="red")
    pam.asks(type="send", id="w-6")
    pam.asks(type="send", id="w-7", text="x", reply_to=99)
    pam.asks(type="send", id="w-8", text="x", reply_to=1)
    pam.asks(type="send", id="w-9", text="x", data={"blob": "x" * 4096})
    pam.says(type="send", text="x", id="i" * 65)
    pam.hears("error")

    talk.heading("Plain text")
    pam.types("good evening")
    pam.hears("ack")
    pia.hears("message.created")
    pam.types("two\nlines\r\n")
    pam.hears("ack")
    pia.hears("message.created")
    pam.types("[1]")
    pam.hears("ack")
    pia.hears("message.created")
    pam.types("")
    pam.hears("error")
    pam.types("x" * 4001)
    pam.hears("error")

    talk.heading("Frames that can't be understood")
    for text in (
        '{"type":"send"',
        '{"type":"shout","id":"b-1"}',
        '{"id":"b-2"}',
        '{"type":"ping","id":7}',
        '{"type":"ping","id":""}',
        '{"type":"ping","id":"é"}',
        '{"type":"ping","id":"b-3","extra":1}',
        '{"type":"send","id":"b-4","text":"\\ud800"}',
    ):
        pam.types(text)
        pam.hears("error")
    pam.socket.send_binary(b'{"type":"ping"}')
    pam.hears("error")
    pam.asks(type="ping", id="p-1")
    pam.asks(type="ping")


def test_socket_changing(talk: Talk) -> None:
    quin, qui = two_in_a_room(talk, "quin", "qui")
    quin.asks(type="send", id="m-1", text="Hello")
    qui.hears("message.created")

    talk.heading("Edited")
    quin.asks(type="edit", id="e-1", ref=3, text="Hello @qui")
    qui.hears("message.edited")
    quin.asks(type="edit", id="e-1", ref=3, text="Hello @qui")
    quin.asks(type="edit", id="e-2", ref=3, text="Hello @qui")
    quin.asks(type="edit", id="e-1", ref=3, text="Something else")
    qui.asks(type="edit", id="e-3", ref=3, text="Mine")
    quin.asks(type="edit", id="e-4", ref=1, text="Mine")
    quin.asks(type="edit", id="e-5", ref=99, text="Mine")
    quin.asks(type="edit", id="e-6", ref=0, text="")

    talk.heading("Reacted to")
    qui.asks(type="react", id="r-1", ref=3, emoji="👍", on=True)
    quin.hears("reaction.added")
    qui.asks(type="react", id="r-1", ref=3, emoji="👍", on=True)
    qui.asks(type="react", id="r-2", ref=3, emoji="👍", on=True)
    qui.asks(type="react", id="r-3", ref=3, emoji="👍", on=False)
    quin.hears("reaction.removed")
    qui.asks(type="react", id="r-4", ref=3, emoji="👍", on=False)
    qui.asks(type="react", id="r-5", ref=3, emoji="nice", on=True)
    qui.asks(type="react", id="r-6", ref=3, emoji="👍", on="yes")
    qui.asks(type="react", id="r-7", ref=1, emoji="👍", on=True)

    talk.heading("Pinned")
    qui.asks(type="pin", id="p-1", ref=3, on=True)
    quin.hears("message.pinned")
    qui.asks(type="pin", id="p-2", ref=3, on=True)
    qui.asks(type="pin", id="p-3", ref=3, on=False)
    quin.hears("message.unpinned")
    qui.asks(type="pin", id="p-4", ref=99, on=True)

    talk.heading("Deleted")
    qui.asks(type="delete", id="d-1", ref=3)
    quin.asks(type="delete", id="d-2", ref=3)
    qui.hears("message.deleted")
    quin.asks(type="delete", id="d-2", ref=3)
    quin.asks(type="delete", id="d-3", ref=3)
    quin.asks(type="edit", id="d-4", ref=3, text="Once more")
    quin.asks(type="react", id="d-5", ref=3, emoji="👍", on=True)
    quin.asks(type="pin", id="d-6", ref=3, on=True)
    quin.asks(type="pin", id="d-7", ref=3, on=False)
    quin.asks(type="send", id="d-8", text="Hi", reply_to=3)
    quin.asks(type="delete", id="d-9", ref=1)
    quin.hears_nothing_more()
    qui.hears_nothing_more()


def test_socket_reading_and_typing(talk: Talk) -> None:
    rob, ros = two_in_a_room(talk, "rob", "ros")
    rob.asks(type="send", id="m-1", text="Hello @ros")
    ros.hears("message.created")

    talk.heading("Read")
    ros.asks(type="read", id="r-1", seq=2)
    rob.hears("read")
    ros.asks(type="read", id="r-2", seq=3)
    rob.hears("read")
    ros.asks(type="read", id="r-3", seq=1)
    ros.asks(type="read", id="r-4", seq=1000)
    ros.asks(type="read", id="r-5", seq=-1)
    ros.asks(type="read", id="r-6", room="general", seq=1)
    ros.asks(type="read", id="r-7", room="no-such-room", seq=1)
    rob.hears_nothing_more()

    talk.heading("Typing")
    ros.says(type="typing", on=True)
    rob.hears("typing")
    ros.says(type="typing", on=False)
    rob.hears("typing")
    ros.says(type="typing", on=False)
    ros.asks(type="typing", id="t-1", room="general", on=True)
    ros.asks(type="typing", id="t-2", on="yes")
    rob.hears_nothing_more()


def test_socket_room_changes(talk: Talk) -> None:
    """What is done over HTTP, as those in the room hear it."""
    sam, sue = (talk.person(name) for name in ("sam", "sue"))
    tom = talk.person("tom")
    sam.post("/rooms", {"name": "sam-hall", "kind": "public"}, quietly=True)
    sue.put("/rooms/sam-hall/members/sue", quietly=True)
    socket = sue.connects("/ws/sam-hall?since=2")
    socket.hears("welcome", "caught_up")
    members = "/rooms/sam-hall/members"

    sam.patch("/rooms/sam-hall", {"title": "The hall", "slow_mode_seconds": 60})
    socket.hears("room.updated")
    sam.patch("/rooms/sam-hall", {"title": "The great hall"})
    socket.hears("room.updated")
    sam.put(f"{members}/tom", {"role": "moderator"})
    socket.hears("member.joined", "member.updated")
    sam.put(f"{members}/tom", {"role": "member"})
    socket.hears("member.updated")
    sam.put(f"{members}/tom/mute", {"until": "2999-01-01T00:00:00Z"})
    socket.hears("member.updated")
    sam.delete(f"{members}/tom/mute")
    socket.hears("member.updated")
    tom.delete(f"{members}/tom")
    socket.hears("member.left")
    sam.put(f"{members}/tom/ban")
    socket.hears("member.updated")
    sam.delete(f"{members}/tom/ban")
    socket.hears("member.updated")

    talk.heading("Slow mode, and mute, for who wants to speak")
    socket.asks(type="send", id="s-1", text="one")
    socket.asks(type="send", id="s-2", text="two")
    socket.asks(type="send", id="s-1", text="one")
    sam.put(f"{members}/sue/mute")
    socket.hears("member.updated")
    socket.asks(type="send", id="s-3", text="three")
    socket.asks(type="react", id="s-4", ref=3, emoji="👍", on=True)
    socket.asks(type="send", id="s-1", text="one")
    socket.hears_nothing_more()
