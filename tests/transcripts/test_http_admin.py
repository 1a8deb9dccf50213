"""Administration over HTTP. Lists show every user and room, so each test has a new server."""

from collections.abc import Callable

from tests.transcripts import tokens
from tests.transcripts.processes import wait_until
from tests.transcripts.scenario import PASSWORD, Scenario

ScenarioOn = Callable[..., Scenario]


def test_http_admin_users(scenario_on: ScenarioOn) -> None:
    scenario = scenario_on()
    ada = scenario.user("ada", admin=True)
    ben = scenario.user("ben")

    scenario.heading("Accounts are listed and made")
    ada.get("/admin/users")
    page = ada.get("/admin/users?limit=1").json
    ada.get(f"/admin/users?limit=1&after={page['next']}")
    ada.get("/admin/users?q=b")
    ada.post("/admin/users", {"username": "cy0", "display_name": "Cy", "admin": True})
    ada.post("/admin/users", {"username": "dot", "password": PASSWORD})
    ada.post("/admin/users", {"username": "dot"})
    ada.post("/admin/users", {"username": "x", "role": "king"})

    scenario.heading("A user is logged in without a password")
    ada.post("/admin/users/dot/token")
    ada.post("/admin/users/no-such-user/token")

    scenario.heading("A password is reset")
    ada.put("/admin/users/ben/password", {"password": "a better horse battery"})
    ben.get("/users/me")
    ada.put("/admin/users/ben/password", {"password": "short"})
    ada.put("/admin/users/no-such-user/password", {"password": PASSWORD})
    ada.put("/admin/users/ben/password", {"password": PASSWORD}, record=False)

    scenario.heading("A user is disabled and enabled")
    ben = scenario.log_in("ben")
    ada.put("/admin/users/ben/disabled")
    ada.put("/admin/users/ben/disabled")
    ben.get("/users/me")
    scenario.anonymous.post("/token", form={"username": "ben", "password": PASSWORD})
    ada.put("/admin/users/no-such-user/disabled")
    ada.delete("/admin/users/ben/disabled")
    ada.delete("/admin/users/ben/disabled")
    ada.delete("/admin/users/no-such-user/disabled")

    scenario.heading("Administrator rights are given and taken")
    ada.put("/admin/users/ben/admin")
    ada.put("/admin/users/no-such-user/admin")
    scenario.log_in("ben").get("/users/me")
    ada.delete("/admin/users/ben/admin")
    ada.delete("/admin/users/no-such-user/admin")

    scenario.heading("An account is erased, with its messages")
    ben = scenario.log_in("ben")
    ben.post("/rooms", {"name": "ben-hall", "kind": "public"}, record=False)
    ben.post("/rooms/ben-hall/messages", {"text": "Hello"}, record=False)
    ada.delete("/admin/users/ben?messages=some")
    ada.delete("/admin/users/ben?messages=blank")
    message = "/rooms/ben-hall/messages/2"
    wait_until(lambda: ada.get(message, record=False).json["text"] is None, "the text to go")
    ada.get("/rooms/ben-hall/events?since=1")
    ada.delete("/admin/users/ben")
    ada.delete("/admin/users/dot")

    scenario.heading("Administrators act on themselves")
    abi = scenario.user("abi", admin=True)
    abi.put("/admin/users/abi/disabled")
    abi.get("/admin/users")
    ada.delete("/admin/users/ada/admin")
    ada.get("/admin/users")
    ada.put("/admin/users/ada/admin")
    assert scenario.server.command("user", "admin", "ada").code == 0

    scenario.heading("Only the command line moves the database")
    ada.post("/admin/move", {"to": "sqlite:////nowhere/new.db"})
    operator = {"Authorization": f"Bearer {tokens.of_operator(ada.token)}"}
    ada.post("/admin/move", {"to": "mysql://db.example.org/chat"}, headers=operator)

    scenario.heading("The audit log")
    ada.get("/admin/audit")
    page = ada.get("/admin/audit?limit=1").json
    ada.get(f"/admin/audit?limit=1&after={page['next']}")
    ada.get("/admin/audit?limit=x")


def test_http_admin_rooms(scenario_on: ScenarioOn) -> None:
    scenario = scenario_on()
    ada = scenario.user("ada", admin=True)
    ben = scenario.user("ben")

    scenario.heading("Rooms are listed and made")
    ada.post("/admin/rooms", {"name": "hall", "title": "The hall"})
    ada.post("/admin/rooms", {"name": "den", "kind": "private", "owner": "ben"})
    ada.post("/admin/rooms", {"name": "den", "kind": "private"})
    ada.post("/admin/rooms", {"name": "den", "kind": "public"})
    ada.post("/admin/rooms", {"name": "yard", "owner": "no-such-user"})
    ada.post("/admin/rooms", {"name": "dm-x", "size": 7})
    ada.get("/admin/rooms")
    page = ada.get("/admin/rooms?limit=1").json
    ada.get(f"/admin/rooms?limit=1&after={page['next']}")

    scenario.heading("A room is archived and reopened")
    ada.put("/admin/rooms/den/archived")
    ada.put("/admin/rooms/den/archived")
    ada.put("/admin/rooms/no-such-room/archived")
    ada.delete("/admin/rooms/den/archived")
    ada.delete("/admin/rooms/den/archived")
    ada.delete("/admin/rooms/no-such-room/archived")

    scenario.heading("Retention")
    for number in range(1, 6):
        ben.post("/rooms/den/messages", {"text": f"number {number}"}, record=False)
    ada.put("/admin/rooms/den/retention", {"events": 2})
    wait_until(
        lambda: ben.get("/rooms/den", record=False).json["first"] > 6, "older events to be removed"
    )
    ben.get("/rooms/den")
    ben.get("/rooms/den/messages")
    ben.get("/rooms/den/events?since=2")
    ben.get("/rooms/den/messages/4")
    socket = ben.connect("/ws/den?since=2")
    socket.receive("welcome", "reset")
    socket.close()
    ada.put("/admin/rooms/den/retention", {"days": 30})
    ada.put("/admin/rooms/den/retention", {"days": 30, "events": 2})
    ada.put("/admin/rooms/den/retention", {"days": 0})
    ada.put("/admin/rooms/no-such-room/retention", {"days": 30})
    ada.get("/admin/rooms?limit=1")
    ada.delete("/admin/rooms/den/retention")
    ada.delete("/admin/rooms/den/retention")
    ada.delete("/admin/rooms/no-such-room/retention")

    scenario.heading("A new epoch")
    ada.put("/admin/epoch")
    socket = ben.connect("/ws")
    welcome = socket.receive("welcome")
    ada.put("/admin/epoch")
    socket.send(type="join", room="den", id="j", since=9, epoch=welcome["epoch"])
    socket.receive("reset")

    scenario.heading("The audit log")
    ada.get("/admin/audit")
