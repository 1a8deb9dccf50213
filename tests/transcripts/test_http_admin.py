"""Administration over HTTP. Its lists are of everything, so each test has its own server."""

from collections.abc import Callable

from tests.transcripts.people import PASSWORD, Talk
from tests.transcripts.processes import until

TalkOn = Callable[..., Talk]


def test_http_admin_users(talk_on: TalkOn) -> None:
    talk = talk_on()
    ada = talk.person("ada", admin=True)
    ben = talk.person("ben")

    talk.heading("Accounts are listed and made")
    ada.get("/admin/users")
    page = ada.get("/admin/users?limit=1").json
    ada.get(f"/admin/users?limit=1&after={page['next']}")
    ada.get("/admin/users?q=b")
    ada.post("/admin/users", {"username": "cy0", "display_name": "Cy", "admin": True})
    ada.post("/admin/users", {"username": "dot", "password": PASSWORD})
    ada.post("/admin/users", {"username": "dot"})
    ada.post("/admin/users", {"username": "x", "role": "king"})

    talk.heading("A user is logged in without a password")
    ada.post("/admin/users/dot/token")
    ada.post("/admin/users/no-such-user/token")

    talk.heading("A password is reset")
    ada.put("/admin/users/ben/password", {"password": "a better horse battery"})
    ben.get("/users/me")
    ada.put("/admin/users/ben/password", {"password": "short"})
    ada.put("/admin/users/no-such-user/password", {"password": PASSWORD})
    ada.put("/admin/users/ben/password", {"password": PASSWORD}, quietly=True)

    talk.heading("A user is kept out, and let in again")
    ben = talk.log_in("ben")
    ada.put("/admin/users/ben/disabled")
    ada.put("/admin/users/ben/disabled")
    ben.get("/users/me")
    talk.stranger.post("/token", form={"username": "ben", "password": PASSWORD})
    ada.put("/admin/users/no-such-user/disabled")
    ada.delete("/admin/users/ben/disabled")
    ada.delete("/admin/users/ben/disabled")
    ada.delete("/admin/users/no-such-user/disabled")

    talk.heading("A user becomes an administrator, and is none again")
    ada.put("/admin/users/ben/admin")
    ada.put("/admin/users/no-such-user/admin")
    talk.log_in("ben").get("/users/me")
    ada.delete("/admin/users/ben/admin")
    ada.delete("/admin/users/no-such-user/admin")

    talk.heading("An account is erased, with its messages")
    ben = talk.log_in("ben")
    ben.post("/rooms", {"name": "ben-hall", "kind": "public"}, quietly=True)
    ben.post("/rooms/ben-hall/messages", {"text": "Hello"}, quietly=True)
    ada.delete("/admin/users/ben?messages=some")
    ada.delete("/admin/users/ben?messages=blank")
    message = "/rooms/ben-hall/messages/2"
    until(lambda: ada.get(message, quietly=True).json["text"] is None, "the text to go")
    ada.get("/rooms/ben-hall/events?since=1")
    ada.delete("/admin/users/ben")
    ada.delete("/admin/users/dot")

    talk.heading("Administrators, and themselves")
    abi = talk.person("abi", admin=True)
    abi.put("/admin/users/abi/disabled")
    abi.get("/admin/users")
    ada.delete("/admin/users/ada/admin")
    ada.get("/admin/users")
    ada.put("/admin/users/ada/admin")
    assert talk.server.command("user", "admin", "ada").code == 0

    talk.heading("What administrators did")
    ada.get("/admin/audit")
    page = ada.get("/admin/audit?limit=1").json
    ada.get(f"/admin/audit?limit=1&after={page['next']}")
    ada.get("/admin/audit?limit=x")


def test_http_admin_rooms(talk_on: TalkOn) -> None:
    talk = talk_on()
    ada = talk.person("ada", admin=True)
    ben = talk.person("ben")

    talk.heading("Rooms are listed and made")
    ada.post("/admin/rooms", {"name": "hall", "title": "The hall"})
    ada.post("/admin/rooms", {"name": "den", "kind": "private", "owner": "ben"})
    ada.post("/admin/rooms", {"name": "den", "kind": "private"})
    ada.post("/admin/rooms", {"name": "den", "kind": "public"})
    ada.post("/admin/rooms", {"name": "yard", "owner": "no-such-user"})
    ada.post("/admin/rooms", {"name": "dm-x", "size": 7})
    ada.get("/admin/rooms")
    page = ada.get("/admin/rooms?limit=1").json
    ada.get(f"/admin/rooms?limit=1&after={page['next']}")

    talk.heading("A room is archived and reopened")
    ada.put("/admin/rooms/den/archived")
    ada.put("/admin/rooms/den/archived")
    ada.put("/admin/rooms/no-such-room/archived")
    ada.delete("/admin/rooms/den/archived")
    ada.delete("/admin/rooms/den/archived")
    ada.delete("/admin/rooms/no-such-room/archived")

    talk.heading("A room keeps what is recent")
    for number in range(1, 6):
        ben.post("/rooms/den/messages", {"text": f"number {number}"}, quietly=True)
    ada.put("/admin/rooms/den/retention", {"events": 2})
    until(
        lambda: ben.get("/rooms/den", quietly=True).json["first"] > 6, "older events to be removed"
    )
    ben.get("/rooms/den")
    ben.get("/rooms/den/messages")
    ben.get("/rooms/den/events?since=2")
    ben.get("/rooms/den/messages/4")
    socket = ben.connects("/ws/den?since=2")
    socket.hears("welcome", "reset")
    socket.closes()
    ada.put("/admin/rooms/den/retention", {"days": 30})
    ada.put("/admin/rooms/den/retention", {"days": 30, "events": 2})
    ada.put("/admin/rooms/den/retention", {"days": 0})
    ada.put("/admin/rooms/no-such-room/retention", {"days": 30})
    ada.get("/admin/rooms?limit=1")
    ada.delete("/admin/rooms/den/retention")
    ada.delete("/admin/rooms/den/retention")
    ada.delete("/admin/rooms/no-such-room/retention")

    talk.heading("Another history begins")
    ada.put("/admin/epoch")
    socket = ben.connects("/ws")
    welcome = socket.hears("welcome")
    ada.put("/admin/epoch")
    socket.says(type="join", room="den", id="j", since=9, epoch=welcome["epoch"])
    socket.hears("reset")

    talk.heading("What administrators did")
    ada.get("/admin/audit")
