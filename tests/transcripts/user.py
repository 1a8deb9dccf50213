"""A client of the HTTP API that records what it sends and what comes back."""

import json
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from tests.transcripts import http_client
from tests.transcripts.heads import all_headers, handshake_headers, notable_headers
from tests.transcripts.http_client import Answer, send_request
from tests.transcripts.response_stream import ResponseStream
from tests.transcripts.socket_client import SocketClient
from tests.transcripts.transcript import Transcript, shortened
from tests.transcripts.websocket import WebSocket


class User:
    """
    A user with a log-in, or an anonymous client.

    Args:
        token: The access token that every request carries; empty: none.
        sockets: Receives each socket that is opened, so that it can be closed in the end.

    """

    def __init__(
        self,
        name: str,
        token: str,
        address: str,
        transcript: Transcript,
        sockets: list[SocketClient],
        refresh_token: str = "",
    ) -> None:
        self.name = name
        self.token = token
        self.refresh_token = refresh_token
        self._address = address
        self._transcript = transcript
        self._sockets = sockets

    def __str__(self) -> str:
        return self.name

    def get(self, path: str, **how: Any) -> Answer:
        """``GET``; see :meth:`request`."""
        return self.request("GET", path, **how)

    def post(self, path: str, body: Any = None, **how: Any) -> Answer:
        """``POST``; see :meth:`request`."""
        return self.request("POST", path, body, **how)

    def put(self, path: str, body: Any = None, **how: Any) -> Answer:
        """``PUT``; see :meth:`request`."""
        return self.request("PUT", path, body, **how)

    def patch(self, path: str, body: Any = None, **how: Any) -> Answer:
        """``PATCH``; see :meth:`request`."""
        return self.request("PATCH", path, body, **how)

    def delete(self, path: str, body: Any = None, **how: Any) -> Answer:
        """``DELETE``; see :meth:`request`."""
        return self.request("DELETE", path, body, **how)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        whole_head: bool = False,
        record_body: bool = True,
        record: bool = True,
    ) -> Answer:
        """
        Make a request and record it with its answer.

        Args:
            body: Sent as JSON.
            form: Sent as a form instead.
            raw: Sent as it is instead.
            headers: Further headers.
            whole_head: Record every header of the answer.
            record_body: False: record only the head of the answer.
            record: False: record nothing.

        """
        given = dict(headers or {})
        if record:
            self._record_request(method, path, body, form, raw, given)
        sent = self._with_token(given)
        answer = send_request(self._address, method, path, sent, body, form, raw)
        if record:
            self._record_head(answer.status, answer.headers, answer.body, whole_head)
            if record_body:
                self._record_body(answer.status, answer.body)
        return answer

    def post_until(self, status: int, path: str, body: Any) -> None:
        """Post the same until the answer has this status; only that answer is recorded."""
        answer = self.post(path, body, record=False)
        while answer.status != status:
            answer = self.post(path, body, record=False)
        self._record_request("POST", path, body, None, None, {})
        self._record_answer(answer)

    def open(self, path: str, headers: Mapping[str, str] | None = None) -> ResponseStream:
        """Make a request whose answer is read bit by bit."""
        given = dict(headers or {})
        self._record_request("GET", path, None, None, None, given)
        connection = HTTPConnection(self._address, timeout=http_client.READ_SECONDS)
        http_client.send(connection, "GET", path, self._with_token(given), None)
        return ResponseStream(
            connection, self.name, self._transcript, self._record_head, self._record_answer
        )

    def connect(
        self,
        path: str = "/ws",
        *,
        as_who: str | None = None,
        token: bool = True,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        whole_head: bool = False,
        **options: Any,
    ) -> SocketClient:
        """
        Open a socket and record the handshake.

        Args:
            as_who: The name of this socket in the transcript, where a user has several.
            token: Whether the ``Authorization`` header carries the token.
            options: See :class:`WebSocket`.

        """
        who = as_who or self.name
        given = dict(headers or {})
        self._transcript.gap()
        self._transcript.add(who, ">", f"GET {path}")
        for name, value in given.items():
            self._transcript.add(who, ">", f"{name.lower()}: {value}")
        if subprotocols:
            offered = ", ".join(subprotocols)
            self._transcript.add(who, ">", f"sec-websocket-protocol: {offered}")
        sent = self._with_token(given) if token else given
        websocket = WebSocket(self._address, path, list(sent.items()), subprotocols, **options)
        client = SocketClient(self._transcript, who, websocket)
        self._sockets.append(client)
        response = websocket.response
        self._transcript.add(who, "<", f"{response.status_code} {response.reason_phrase}")
        received = list(response.headers.raw_items())
        for line in all_headers(received) if whole_head else handshake_headers(received):
            self._transcript.add(who, "<", line)
        return client

    def _with_token(self, headers: Mapping[str, str]) -> dict[str, str]:
        if self.token and not any(name.lower() == "authorization" for name in headers):
            return {**headers, "Authorization": f"Bearer {self.token}"}
        return dict(headers)

    # Recording

    def _record_request(
        self,
        method: str,
        path: str,
        body: Any,
        form: Any,
        raw: bytes | None,
        headers: Mapping[str, str],
    ) -> None:
        self._transcript.gap()
        lines = [f"{method} {path}", *(f"{name.lower()}: {headers[name]}" for name in headers)]
        if form is not None:
            lines.append(urlencode(form))
        elif raw is not None:
            shown = raw if len(raw) <= 200 else b"<%d bytes>" % len(raw)
            lines.append(shown.decode("utf-8", "backslashreplace"))
        elif body is not None:
            lines.append(json.dumps(shortened(body), ensure_ascii=False))
        for line in lines:
            self._transcript.add(self.name, ">", line)

    def _record_answer(self, answer: Answer) -> None:
        self._record_head(answer.status, answer.headers, answer.body)
        self._record_body(answer.status, answer.body)

    def _record_head(
        self,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes | None,
        whole: bool = False,
    ) -> None:
        # The reason phrase comes from Python and is not the same in all versions.
        self._transcript.add("", "<", str(status))
        lines = all_headers(headers) if whole else notable_headers(status, headers, body)
        for line in lines:
            self._transcript.add("", "<", line)

    def _record_body(self, status: int, body: bytes) -> None:
        if body:
            add = self._transcript.add_error if status >= 400 else self._transcript.add
            add("", "<", body.decode().rstrip("\n"))
