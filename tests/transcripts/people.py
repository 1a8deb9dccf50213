"""
Who takes part in a conversation: everything that they do and hear is put down.

People do one thing after another and wait for the answer, so that what comes first is never
left to chance.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlencode

from tests.transcripts import http_client
from tests.transcripts.heads import all_headers, notable_headers
from tests.transcripts.http_client import Answer
from tests.transcripts.servers import Server
from tests.transcripts.socket_client import Closed, WebSocket
from tests.transcripts.transcript import Transcript

PASSWORD = "correct horse battery"


class Talk:
    """One conversation of people with a server."""

    def __init__(self, transcript: Transcript, server: Server) -> None:
        self.transcript = transcript
        self.server = server
        self._sockets: list[Socket] = []
        self.stranger = Person(self, "-", "")
        """Somebody who is not logged in."""
        transcript.placeholders.know(server.address, "address")

    def heading(self, text: str) -> None:
        """Begin another part of the transcript."""
        self.transcript.heading(text)

    def person(self, name: str, *, admin: bool = False) -> "Person":
        """
        Somebody new, who is logged in. Nothing of that is put down.

        Args:
            admin: Make them an administrator of the installation.

        """
        body = {"username": name, "password": PASSWORD}
        made = _asked(self.server.address, "POST", "/users", json_body=body)
        assert made.status == 201, made.text
        if admin:
            ended = self.server.command("user", "admin", name)
            assert ended.code == 0, ended.err
        return self.log_in(name)

    def log_in(self, name: str) -> "Person":
        """Log in once more, as on another device. Nothing of that is put down."""
        form = {"username": name, "password": PASSWORD}
        answer = _asked(self.server.address, "POST", "/token", form=form)
        assert answer.status == 200, answer.text
        person = Person(self, name, answer.json["access_token"])
        person.refresh_token = answer.json["refresh_token"]
        self.transcript.placeholders.expect(person.refresh_token, "refresh-token")
        return person

    def opened(self, socket: "Socket") -> None:
        """Close a socket when the conversation is over."""
        self._sockets.append(socket)

    def end(self) -> None:
        """Close what is open."""
        for socket in self._sockets:
            with suppress(OSError):
                socket.socket.close()


class Person:
    """Somebody at the HTTP API."""

    def __init__(self, talk: Talk, name: str, token: str) -> None:
        self._talk = talk
        self.name = name
        self.token = token
        self.refresh_token = ""

    def __str__(self) -> str:
        return self.name

    @property
    def _transcript(self) -> Transcript:
        return self._talk.transcript

    def get(self, path: str, **how: Any) -> Answer:
        """``GET``; see :meth:`ask`."""
        return self.ask("GET", path, **how)

    def post(self, path: str, body: Any = None, **how: Any) -> Answer:
        """``POST``; see :meth:`ask`."""
        return self.ask("POST", path, body, **how)

    def put(self, path: str, body: Any = None, **how: Any) -> Answer:
        """``PUT``; see :meth:`ask`."""
        return self.ask("PUT", path, body, **how)

    def patch(self, path: str, body: Any = None, **how: Any) -> Answer:
        """``PATCH``; see :meth:`ask`."""
        return self.ask("PATCH", path, body, **how)

    def delete(self, path: str, body: Any = None, **how: Any) -> Answer:
        """``DELETE``; see :meth:`ask`."""
        return self.ask("DELETE", path, body, **how)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        whole_head: bool = False,
        shows_body: bool = True,
        quietly: bool = False,
    ) -> Answer:
        """
        Make a request and put down the answer.

        Args:
            body: Sent as JSON.
            form: Sent as a form, instead.
            raw: Sent as it is, instead.
            headers: Further headers.
            whole_head: Put down every header.
            shows_body: False: put down only what kind of body it is.
            quietly: Put down nothing at all.

        """
        given = dict(headers or {})
        if quietly:
            return _asked(
                self._talk.server.address, method, path, self._bearer(given), body, form, raw
            )
        self._put_down_request(method, path, body, form, raw, given)
        answer = _asked(
            self._talk.server.address, method, path, self._bearer(given), body, form, raw
        )
        self._put_down_head(answer.status, answer.headers, answer.body, whole_head)
        if shows_body:
            self._put_down_body(answer.status, answer.body)
        return answer

    def posts_until(self, status: int, path: str, body: Any) -> None:
        """Post the same until that is answered with ``status``, which alone is put down."""
        while True:
            answer = self.post(path, body, quietly=True)
            if answer.status == status:
                break
        self._put_down_request("POST", path, body, None, None, {})
        self._put_down_head(answer.status, answer.headers, answer.body)
        self._put_down_body(answer.status, answer.body)

    def opens(self, path: str, headers: Mapping[str, str] | None = None) -> "Stream":
        """Make a request that stays open; the head of the answer is put down."""
        given = dict(headers or {})
        self._put_down_request("GET", path, None, None, None, given)
        connection = HTTPConnection(self._talk.server.address, timeout=http_client.READ_SECONDS)
        http_client.send(connection, "GET", path, self._bearer(given), None)
        return Stream(self, connection)

    def connects(
        self,
        path: str = "/ws",
        *,
        as_who: str | None = None,
        token: bool = True,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        subprotocols: Sequence[str] = (),
        whole_head: bool = False,
        **how: Any,
    ) -> "Socket":
        """
        Open a socket; what comes before the first frame is put down.

        Args:
            as_who: The name of this socket where one has several.
            token: Whether the header says who calls.
            how: See :class:`WebSocket`.

        """
        who = as_who or self.name
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        self._transcript.gap()
        self._transcript.add(who, ">", f"GET {path}")
        for name, value in pairs:
            self._transcript.add(who, ">", f"{name.lower()}: {value}")
        if subprotocols:
            self._transcript.add(who, ">", f"sec-websocket-protocol: {', '.join(subprotocols)}")
        if token and self.token:
            pairs.append(("Authorization", f"Bearer {self.token}"))
        opened = WebSocket(self._talk.server.address, path, pairs, subprotocols, **how)
        socket = Socket(self._transcript, who, opened)
        self._talk.opened(socket)
        response = opened.response
        self._transcript.add(who, "<", f"{response.status_code} {response.reason_phrase}")
        given = list(response.headers.raw_items())
        for line in all_headers(given) if whole_head else _handshake_headers(given):
            self._transcript.add(who, "<", line)
        return socket

    # What is put down

    def _bearer(self, headers: Mapping[str, str]) -> dict[str, str]:
        if self.token and not any(name.lower() == "authorization" for name in headers):
            return {**headers, "Authorization": f"Bearer {self.token}"}
        return dict(headers)

    def _put_down_request(
        self,
        method: str,
        path: str,
        body: Any,
        form: Any,
        raw: bytes | None,
        headers: Mapping[str, str],
    ) -> None:
        self._transcript.gap()
        self._transcript.add(self.name, ">", f"{method} {path}")
        for name, value in headers.items():
            self._transcript.add(self.name, ">", f"{name.lower()}: {value}")
        if form is not None:
            self._transcript.add(self.name, ">", urlencode(form))
        elif raw is not None:
            shown = raw if len(raw) <= 200 else b"<%d bytes>" % len(raw)
            self._transcript.add(self.name, ">", shown.decode("utf-8", "backslashreplace"))
        elif body is not None:
            self._transcript.add(self.name, ">", _shortened(body))

    def _put_down_head(
        self,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes | None,
        whole: bool = False,
    ) -> None:
        # The phrase behind it is Python's, and not the same in all versions.
        self._transcript.add("", "<", str(status))
        lines = all_headers(headers) if whole else notable_headers(status, headers, body)
        for line in lines:
            self._transcript.add("", "<", line)

    def _put_down_body(self, status: int, body: bytes) -> None:
        if not body:
            return
        add = self._transcript.add_error if status >= 400 else self._transcript.add
        add("", "<", body.decode().rstrip("\n"))


class Stream:
    """An answer that stays open, or is waited for."""

    def __init__(self, person: Person, connection: HTTPConnection) -> None:
        self._person = person
        self._transcript = person._transcript
        self._connection = connection
        self._response: HTTPResponse | None = None

    def begins(self) -> None:
        """The head of the answer."""
        response = self._response = self._connection.getresponse()
        self._person._put_down_head(response.status, response.getheaders(), None)

    def says(self) -> None:
        """What comes up to an empty line: one event of an event stream."""
        assert self._response is not None
        while line := self._response.readline().rstrip(b"\n"):
            self._transcript.add(self._person.name, "<", line.decode())
        self._transcript.add(self._person.name, "<", "")

    def ends(self) -> None:
        """Everything up to the end of the answer."""
        if self._response is None:
            answer = http_client.whole(self._connection.getresponse())
            self._person._put_down_head(answer.status, answer.headers, answer.body)
            self._person._put_down_body(answer.status, answer.body)
        else:
            for line in self._response.read().decode().splitlines():
                self._transcript.add(self._person.name, "<", line)
            self._transcript.add(self._person.name, "<", "(ended)")
        self._connection.close()

    def hangs_up(self) -> None:
        """Go without waiting for the end."""
        self._connection.close()


class Socket:
    """Somebody's WebSocket."""

    def __init__(self, transcript: Transcript, who: str, socket: WebSocket) -> None:
        self._transcript = transcript
        self._who = who
        self.socket = socket
        self.hears_presence = False
        """Whether comings and goings are put down: when they come depends on the clock."""

    def says(self, **request: Any) -> None:
        """Send a request and wait for nothing."""
        text = json.dumps(request, ensure_ascii=False, separators=(",", ":"))
        self._transcript.gap()
        self._transcript.add(self._who, ">", _shortened(request))
        self.socket.send(text)

    def types(self, text: str, *, times: int = 1) -> None:
        """Send this very text, perhaps more than once."""
        self._transcript.gap()
        shown = text if len(text) <= 200 else f"<{len(text)} characters>"
        for line in (shown if times == 1 else f"{shown}  × {times}").split("\n"):
            self._transcript.add(self._who, ">", line)
        for _ in range(times):
            self.socket.send(text)

    def asks(self, **request: Any) -> Any:
        """Send a request and hear everything up to its answer, which is returned."""
        self.says(**request)
        return self.hears(re=request.get("id"))

    def hears(self, *kinds: str, re: str | None = None) -> Any:
        """
        Hear frames, each of which is put down.

        Args:
            kinds: The types of frames to hear one after another; what comes between them is
                put down too.
            re: Hear everything up to the answer to this request.

        Returns:
            The last frame.

        """
        for kind in kinds:
            frame = self._next()
            while frame["type"] != kind:
                frame = self._next()
        if not kinds:
            frame = self._next()
            while frame.get("re") != re or frame["type"] not in ("ack", "error", "pong"):
                frame = self._next()
        return frame

    def joins(self, room: str, **request: Any) -> None:
        """Join a room and hear everything until it has caught up."""
        self.says(type="join", room=room, **request)
        self.hears("caught_up")

    def says_at_once(self, *requests: dict[str, Any]) -> None:
        """Send several requests in one go; of many, only how many there were is put down."""
        self._transcript.gap()
        if len(requests) > 5:
            self._transcript.add(self._who, ">", f"{_shortened(requests[0])}  × {len(requests)}")
        else:
            for request in requests:
                self._transcript.add(self._who, ">", _shortened(request))
        self.socket.send_at_once([json.dumps(request) for request in requests])

    def sends_raw(self, what: str, data: bytes) -> None:
        """Send bytes, which are put down as ``what``."""
        self._transcript.gap()
        self._transcript.add(self._who, ">", f"<{what}>")
        self.socket.send_raw(data)

    def is_answered(self, times: int) -> None:
        """Hear as many equal frames, which are put down once."""
        (frame,) = {self.socket.receive() for _ in range(times)}
        self._transcript.add_error(self._who, "<", f"{frame}  × {times}")

    def is_acknowledged(self, times: int) -> None:
        """Hear so many acks; nothing of what is heard is put down."""
        while times:
            times -= '"type":"ack"' in self.socket.receive()

    def hears_nothing_more(self) -> None:
        """Hear that nothing comes before the answer to a ping."""
        self.asks(type="ping", id="fence")

    def is_closed(self, *, shows_frames: bool = True) -> None:
        """Hear the rest, and the close."""
        with suppress(Closed):
            while True:
                self._next() if shows_frames else self.socket.receive()
        code = self.socket.close_code
        self._transcript.add(self._who, "<", f"close {code}")
        if self.socket.close_reason:
            self._transcript.add_sentences([self.socket.close_reason])

    def closes(self, code: int | None = 1000) -> None:
        """Close it, and see what the server closes with."""
        self._transcript.gap()
        self._transcript.add(self._who, ">", f"close {code or ''}".rstrip())
        self.socket.close(code)
        self._transcript.add(self._who, "<", f"close {self.socket.close_code or ''}".rstrip())

    def _next(self) -> Any:
        while True:
            text = self.socket.receive()
            frame = json.loads(text)
            if frame["type"] != "presence" or self.hears_presence:
                break
        add = self._transcript.add_error if frame["type"] == "error" else self._transcript.add
        add(self._who, "<", text)
        return frame


def _asked(
    address: str,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    json_body: Any = None,
    form: Any = None,
    raw: bytes | None = None,
) -> Answer:
    given = dict(headers or {})
    names = {name.lower() for name in given}
    body = raw
    if form is not None:
        body = urlencode(form).encode()
        if "content-type" not in names:
            given["Content-Type"] = "application/x-www-form-urlencoded"
    elif json_body is not None:
        body = json.dumps(json_body).encode()
        if "content-type" not in names:
            given["Content-Type"] = "application/json"
    elif raw is not None and "content-type" not in names:
        given["Content-Type"] = "application/json"
    elif body is None and method in ("POST", "PUT", "PATCH"):
        body = b""
    with http_client.requested(address, method, path, given, body) as response:
        return http_client.whole(response)


def _shortened(body: Any) -> str:
    """A body as JSON, without texts that only have to be long."""
    return json.dumps(_without_long(body), ensure_ascii=False)


def _without_long(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_long(inner) for name, inner in value.items()}
    # Tokens are long, and have placeholders.
    if isinstance(value, str) and len(value) > 200 and not value.startswith("eyJ"):
        return f"<{len(value)} characters>"
    return value


def _handshake_headers(headers: list[tuple[str, str]]) -> list[str]:
    usual = {"upgrade", "connection", "sec-websocket-accept", "date"}
    shown = [f"{name.lower()}: {value}" for name, value in headers]
    missing = usual - {name.lower() for name, _ in headers}
    return sorted(line for line in shown if line.partition(":")[0] not in usual) + sorted(
        f"no {name}" for name in missing
    )
