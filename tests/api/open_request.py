"""An ASGI client that reads a response while the server is writing it."""

import asyncio
import json
from typing import Any

from tests.harness.patience import patience
from tests.harness.server import HOST, Server, User


class OpenRequest:
    """A ``GET`` request whose response is read step by step."""

    def __init__(
        self,
        server: Server,
        path: str,
        who: User | None,
        headers: dict[str, str],
        takes: int | None,
    ) -> None:
        path, _, query = path.partition("?")
        given = {"host": HOST, **({} if who is None else who.bearer), **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in given.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        self.taking = asyncio.Event()
        self.taking.set()
        """While cleared, the client reads nothing."""
        # The client stops reading after this many ASGI messages.
        self._takes = takes
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_app.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._text = ""
        self.heard: list[dict[str, Any]] = []
        self.last_event_id = ""
        """The id of the last event, which a browser sends when it reconnects."""
        self.task = asyncio.create_task(server.app(scope, self._to_app.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        await self.taking.wait()
        self._from_app.put_nowait(message)
        if self._takes is not None:
            self._takes -= 1
            if not self._takes:
                self.taking.clear()

    def hang_up(self) -> None:
        """Disconnect."""
        self._to_app.put_nowait({"type": "http.disconnect"})

    async def begins(self) -> tuple[int, dict[str, str]]:
        """The status and headers of the response."""
        async with patience("a response"):
            start = await self._from_app.get()
        assert start["type"] == "http.response.start"
        return start["status"], {k.decode(): v.decode() for k, v in start["headers"]}

    async def ends(self) -> str:
        """The rest of the body, up to its end."""
        async with patience(lambda: f"the end; heard {self._text[-300:]!r}"):
            while await self._more():
                pass
            await asyncio.wait([self.task])
        return self._text

    async def block(self) -> str:
        """The next block of an event stream."""
        async with patience(lambda: f"an event; heard {self._text[-300:]!r}"):
            while "\n\n" not in self._text:
                assert await self._more(), "the stream has ended"
        block, _, self._text = self._text.partition("\n\n")
        return block

    async def hears(self) -> dict[str, Any]:
        """The next event of the stream. Checks its id."""
        while True:
            # Like readers that end lines where Unicode does.
            lines = dict(line.split(": ", 1) for line in (await self.block()).splitlines())
            if "data" in lines:
                break
        event: dict[str, Any] = json.loads(lines["data"])
        assert lines.get("event", "message") == ("end" if event["type"] == "end" else "message")
        if event["type"] != "end":
            self.last_event_id = lines["id"]
            assert self.last_event_id.startswith(f"{event['seq']}-")
        self.heard.append(event)
        return event

    async def hears_until(self, seq: int) -> list[int]:
        """The numbers of the events up to ``seq``."""
        seqs: list[int] = []
        while not seqs or seqs[-1] < seq:
            seqs.append((await self.hears())["seq"])
        return seqs

    async def _more(self) -> bool:
        message = await self._from_app.get()
        assert message["type"] == "http.response.body"
        self._text += message["body"].decode()
        return bool(message.get("more_body"))


async def open_request(
    server: Server,
    who: str | User | None,
    path: str,
    *,
    takes: int | None = None,
    **headers: str,
) -> OpenRequest:
    """
    Send a request without waiting for the response.

    Args:
        takes: Stop reading after this many ASGI messages; the start of the response is one.
        headers: ``Accept`` defaults to an event stream.

    """
    person = await server.person(who) if isinstance(who, str) else who
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return OpenRequest(server, path, person, {"Accept": "text/event-stream", **named}, takes)


async def open_stream(
    server: Server, who: str | User | None, path: str, **headers: str
) -> OpenRequest:
    """Open an event stream, and check the start of the response."""
    stream = await open_request(server, who, path, **headers)
    status, given = await stream.begins()
    assert status == 200
    assert given["content-type"] == "text/event-stream; charset=utf-8"
    assert given["cache-control"] == "no-store"
    assert "content-length" not in given
    assert (await stream.block()).startswith("retry: ")
    return stream
