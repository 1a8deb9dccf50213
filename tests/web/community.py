"""People who talk: accounts, rooms and messages on a server, as the pages of tests show them."""

import json
import urllib.parse
import urllib.request
from contextlib import ExitStack, suppress
from threading import Thread
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.web.conftest import Server

PASSWORD = "correct horse battery"

PEOPLE = {
    "ada": "Ada Lindqvist",
    "bokai": "Bo Chen",
    "carla": "Carla Reyes",
    "devan": "Dev Anand",
    "emil": "Emil Sørensen",
}

ROOMS = {
    "design": "What it looks like, and why",
    "engineering": "Builds, bugs and reviews",
    "release-24": "Ships on Thursday",
}

# By whom, what, to which earlier message of the list, and what others think of it.
Line = tuple[str, str, int | None, dict[str, list[str]]]

TALK: list[Line] = [
    ("bokai", "Morning! The new sign-up page is on staging.", None, {}),
    ("bokai", "It is down to **one step**: name, password, done.", None, {"🎉": ["ada", "carla"]}),
    ("carla", "Much better. On a phone the button sits under the keyboard, though.", None, {}),
    ("ada", "It should stick to the bottom edge:", 2, {}),
    (
        "ada",
        "```\n.actions { position: sticky; bottom: 0; }\n```",
        None,
        {"👍": ["bokai", "carla"]},
    ),
    ("bokai", "Fixed, and deployed. @carla could you look again?", None, {"🙏": ["carla"]}),
    (
        "carla",
        "Works on both of mine. Ship it.",
        5,
        {"🚀": ["ada", "bokai", "devan"], "❤️": ["devan"]},
    ),
    (
        "devan",
        "Two things left for Thursday:\n- copy of the welcome mail\n- the empty state",
        None,
        {},
    ),
    ("ada", "I take the empty state. Draft at https://design.example.org/empty", None, {}),
    ("devan", "The mail is written. `make preview` shows it.", None, {"👀": ["ada"]}),
    ("carla", "@ada can we say _rooms_ instead of _channels_ in it?", None, {}),
]


class Community:
    """A server with users, rooms and a conversation; some of the users are online."""

    def __init__(self, server: Server) -> None:
        # The address of the web client.
        self.url = server.url
        self._tokens: dict[str, str] = {}
        self._rooms = 0
        self._connections = ExitStack()
        self._online: list[ClientConnection] = []
        for name, shown in PEOPLE.items():
            self._register(name, shown)
        for name, title in ROOMS.items():
            self._call("ada", "POST", "/rooms", {"name": name, "title": title, "kind": "public"})
            for other in PEOPLE:
                self._call(other, "PUT", f"/rooms/{name}/members/{other}")
        for name in PEOPLE:
            self._call(name, "PUT", f"/rooms/general/members/{name}")
        self._call("ada", "PUT", "/rooms/design/members/bokai", {"role": "moderator"})
        self._call("ada", "PUT", "/rooms/design/members/emil/mute", {})
        self._call("ada", "PUT", "/rooms/direct/carla")
        self._talk()
        for name in ("bokai", "carla"):
            self.connect(name)

    def connect(self, name: str) -> None:
        """Bring a user online in the room in which the conversation is."""
        address = self.url.replace("http", "ws", 1) + "/ws/design"
        headers = {"Authorization": f"Bearer {self._tokens[name]}"}
        connection = self._connections.enter_context(connect(address, additional_headers=headers))
        self._online.append(connection)
        # A reader that is slow would be disconnected.
        Thread(target=read_all, args=(connection,), daemon=True).start()

    def type(self) -> None:
        """Let the first of those who are online begin to write."""
        self._online[0].send(json.dumps({"type": "typing", "on": True}))

    def say(self, name: str, room: str, text: str, reply_to: int | None = None) -> int:
        """Send a message; return its seq."""
        body = {"text": text, "reply_to": reply_to}
        return int(self._call(name, "POST", f"/rooms/{room}/messages", body)["seq"])

    def new_room(self) -> str:
        """Create a room without messages."""
        self._rooms += 1
        name = "ideas" if self._rooms == 1 else f"ideas-{self._rooms}"
        body = {"name": name, "title": "For next spring", "kind": "private"}
        self._call("ada", "POST", "/rooms", body)
        return name

    def close(self) -> None:
        self._connections.close()

    def _talk(self) -> None:
        seqs: list[int] = []
        for by, text, reply_to, reactions in TALK:
            target = None if reply_to is None else seqs[reply_to]
            seqs.append(self.say(by, "design", text, target))
            for emoji, names in reactions.items():
                for name in names:
                    quoted = urllib.parse.quote(emoji)
                    path = f"/rooms/design/messages/{seqs[-1]}/reactions/{quoted}"
                    self._call(name, "PUT", path)
        self._call("ada", "PUT", f"/rooms/design/messages/{seqs[1]}/pin")
        self.say("devan", "engineering", "The nightly build is green again.")
        self.say("emil", "engineering", "@ada the design of the empty state is merged.")
        self.say("emil", "release-24", "Release notes are ready for review.")
        self.say("bokai", "general", "Welcome, everybody!")

    def _register(self, name: str, shown: str) -> None:
        account = {"username": name, "password": PASSWORD, "display_name": shown}
        self._request(
            "POST", "/users", json.dumps(account).encode(), {"Content-Type": "application/json"}
        )
        form = urllib.parse.urlencode({"username": name, "password": PASSWORD}).encode()
        self._tokens[name] = self._request("POST", "/token", form, {})["access_token"]

    def _call(self, name: str, method: str, path: str, body: object = None) -> dict[str, Any]:
        headers = {
            "Authorization": f"Bearer {self._tokens[name]}",
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        return self._request(method, path, data, headers)

    def _request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return dict(json.loads(text)) if text else {}


def read_all(connection: ClientConnection) -> None:
    """Read what comes until the connection is closed."""
    with suppress(ConnectionClosed):
        for _ in connection:
            pass
