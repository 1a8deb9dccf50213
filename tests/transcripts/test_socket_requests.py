"""Sockets: requests, their answers, and what other members receive."""

from tests.transcripts.scenario import Scenario
from tests.transcripts.socket_client import SocketClient


def two_in_a_room(scenario: Scenario, one: str, other: str) -> tuple[SocketClient, SocketClient]:
    """Two users, each with a socket to a room of the first."""
    owner, guest = scenario.user(one), scenario.user(other)
    room = f"{one}-hall"
    owner.post("/rooms", {"name": room, "kind": "public"}, record=False)
    guest.put(f"/rooms/{room}/members/{other}", record=False)
    sockets = [person.connect(f"/ws/{room}?since=2") for person in (owner, guest)]
    for socket in sockets:
        socket.receive("welcome", "joined", "caught_up")
    return sockets[0], sockets[1]


def test_socket_sending(scenario: Scenario) -> None:
    pam, pia = two_in_a_room(scenario, "pam", "pia")

    scenario.heading("A message")
    pam.request(type="send", id="m-1", text="Hello @pia")
    pia.receive("message.created")
    pam.request(type="send", id="m-1", text="Hello @pia")
    pam.request(type="send", id="m-1", text="Something else")
    pam.request(type="send", text="Without an id")
    pia.receive("message.created")
    pia.request(type="send", id="m-2", text="Hi 👋", reply_to=3, data={"card": [1, None]})
    pam.receive("message.created")
    pia.request(type="send", id="m-3", room="general", text="Hi")
    pia.request(type="send", id="m-4", room="no-such-room", text="Hi")

    scenario.heading("Invalid messages")
    pam.request(type="send", id="w-1", text="")
    pam.request(type="send", id="w-2", text=" \n")
    pam.request(type="send", id="w-3", text="x" * 4001)
    pam.request(type="send", id="w-4", text="a\0b")
    pam.request(type="send", id="w-5", text=1, colour="red")
    pam.request(type="send", id="w-6")
    pam.request(type="send", id="w-7", text="x", reply_to=99)
    pam.request(type="send", id="w-8", text="x", reply_to=1)
    pam.request(type="send", id="w-9", text="x", data={"blob": "x" * 4096})
    pam.send(type="send", text="x", id="i" * 65)
    pam.receive("error")

    scenario.heading("Plain text")
    pam.send_text("good evening")
    pam.receive("ack")
    pia.receive("message.created")
    pam.send_text("two\nlines\r\n")
    pam.receive("ack")
    pia.receive("message.created")
    pam.send_text("[1]")
    pam.receive("ack")
    pia.receive("message.created")
    pam.send_text("")
    pam.receive("error")
    pam.send_text("x" * 4001)
    pam.receive("error")

    scenario.heading("Bad frames")
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
        pam.send_text(text)
        pam.receive("error")
    pam.send_binary(b'{"type":"ping"}')
    pam.receive("error")
    pam.request(type="ping", id="p-1")
    pam.request(type="ping")


def test_socket_changing(scenario: Scenario) -> None:
    quin, qui = two_in_a_room(scenario, "quin", "qui")
    quin.request(type="send", id="m-1", text="Hello")
    qui.receive("message.created")

    scenario.heading("Edited")
    quin.request(type="edit", id="e-1", ref=3, text="Hello @qui")
    qui.receive("message.edited")
    quin.request(type="edit", id="e-1", ref=3, text="Hello @qui")
    quin.request(type="edit", id="e-2", ref=3, text="Hello @qui")
    quin.request(type="edit", id="e-1", ref=3, text="Something else")
    qui.request(type="edit", id="e-3", ref=3, text="Mine")
    quin.request(type="edit", id="e-4", ref=1, text="Mine")
    quin.request(type="edit", id="e-5", ref=99, text="Mine")
    quin.request(type="edit", id="e-6", ref=0, text="")

    scenario.heading("Reacted to")
    qui.request(type="react", id="r-1", ref=3, emoji="👍", on=True)
    quin.receive("reaction.added")
    qui.request(type="react", id="r-1", ref=3, emoji="👍", on=True)
    qui.request(type="react", id="r-2", ref=3, emoji="👍", on=True)
    qui.request(type="react", id="r-3", ref=3, emoji="👍", on=False)
    quin.receive("reaction.removed")
    qui.request(type="react", id="r-4", ref=3, emoji="👍", on=False)
    qui.request(type="react", id="r-5", ref=3, emoji="nice", on=True)
    qui.request(type="react", id="r-6", ref=3, emoji="👍", on="yes")
    qui.request(type="react", id="r-7", ref=1, emoji="👍", on=True)

    scenario.heading("Pinned")
    qui.request(type="pin", id="p-1", ref=3, on=True)
    quin.receive("message.pinned")
    qui.request(type="pin", id="p-2", ref=3, on=True)
    qui.request(type="pin", id="p-3", ref=3, on=False)
    quin.receive("message.unpinned")
    qui.request(type="pin", id="p-4", ref=99, on=True)

    scenario.heading("Deleted")
    qui.request(type="delete", id="d-1", ref=3)
    quin.request(type="delete", id="d-2", ref=3)
    qui.receive("message.deleted")
    quin.request(type="delete", id="d-2", ref=3)
    quin.request(type="delete", id="d-3", ref=3)
    quin.request(type="edit", id="d-4", ref=3, text="Once more")
    quin.request(type="react", id="d-5", ref=3, emoji="👍", on=True)
    quin.request(type="pin", id="d-6", ref=3, on=True)
    quin.request(type="pin", id="d-7", ref=3, on=False)
    quin.request(type="send", id="d-8", text="Hi", reply_to=3)
    quin.request(type="delete", id="d-9", ref=1)
    quin.expect_silence()
    qui.expect_silence()


def test_socket_reading_and_typing(scenario: Scenario) -> None:
    rob, ros = two_in_a_room(scenario, "rob", "ros")
    rob.request(type="send", id="m-1", text="Hello @ros")
    ros.receive("message.created")

    scenario.heading("Read")
    ros.request(type="read", id="r-1", seq=2)
    rob.receive("read")
    ros.request(type="read", id="r-2", seq=3)
    rob.receive("read")
    ros.request(type="read", id="r-3", seq=1)
    ros.request(type="read", id="r-4", seq=1000)
    ros.request(type="read", id="r-5", seq=-1)
    ros.request(type="read", id="r-6", room="general", seq=1)
    ros.request(type="read", id="r-7", room="no-such-room", seq=1)
    rob.expect_silence()

    scenario.heading("Typing")
    ros.send(type="typing", on=True)
    rob.receive("typing")
    ros.send(type="typing", on=False)
    rob.receive("typing")
    ros.send(type="typing", on=False)
    ros.request(type="typing", id="t-1", room="general", on=True)
    ros.request(type="typing", id="t-2", on="yes")
    rob.expect_silence()


def test_socket_room_changes(scenario: Scenario) -> None:
    """Changes over HTTP, as members of the room receive them."""
    sam, sue = (scenario.user(name) for name in ("sam", "sue"))
    tom = scenario.user("tom")
    sam.post("/rooms", {"name": "sam-hall", "kind": "public"}, record=False)
    sue.put("/rooms/sam-hall/members/sue", record=False)
    socket = sue.connect("/ws/sam-hall?since=2")
    socket.receive("welcome", "caught_up")
    members = "/rooms/sam-hall/members"

    sam.patch("/rooms/sam-hall", {"title": "The hall", "slow_mode_seconds": 60})
    socket.receive("room.updated")
    sam.patch("/rooms/sam-hall", {"title": "The great hall"})
    socket.receive("room.updated")
    sam.put(f"{members}/tom", {"role": "moderator"})
    socket.receive("member.joined", "member.updated")
    sam.put(f"{members}/tom", {"role": "member"})
    socket.receive("member.updated")
    sam.put(f"{members}/tom/mute", {"until": "2999-01-01T00:00:00Z"})
    socket.receive("member.updated")
    sam.delete(f"{members}/tom/mute")
    socket.receive("member.updated")
    tom.delete(f"{members}/tom")
    socket.receive("member.left")
    sam.put(f"{members}/tom/ban")
    socket.receive("member.updated")
    sam.delete(f"{members}/tom/ban")
    socket.receive("member.updated")

    scenario.heading("Slow mode and mute")
    socket.request(type="send", id="s-1", text="one")
    socket.request(type="send", id="s-2", text="two")
    socket.request(type="send", id="s-1", text="one")
    sam.put(f"{members}/sue/mute")
    socket.receive("member.updated")
    socket.request(type="send", id="s-3", text="three")
    socket.request(type="react", id="s-4", ref=3, emoji="👍", on=True)
    socket.request(type="send", id="s-1", text="one")
    socket.expect_silence()
