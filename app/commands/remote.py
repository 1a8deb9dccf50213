"""A running server, asked to do what a command wants, through its admin API."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx2

from app.commands.exits import CommandError
from app.domain import names
from app.domain.roles import Kind

# A server under load answers within seconds; hashing a password waits in a queue.
_PATIENCE_SECONDS = 30.0


class NotListening(Exception):
    """Nobody takes connections there."""


Ask = Callable[..., Awaitable[Any]]


class RemoteRooms:
    """The same as :class:`~app.services.admin.room_admin.RoomAdmin`, done elsewhere."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def add(self, name: str, title: str, kind: Kind, owner: str | None = None) -> None:
        body = {"name": name, "title": title, "kind": kind.value, "owner": owner}
        await self._ask("POST", "/admin/rooms", body)

    async def set_retention(
        self, name: str, *, days: int | None = None, events: int | None = None
    ) -> None:
        path = f"/admin/rooms/{names.room_name(name)}/retention"
        if days is None and events is None:
            await self._ask("DELETE", path)
        else:
            await self._ask("PUT", path, {"days": days, "events": events})


class Remote:
    """The same as :class:`~app.services.admin.admin_service.AdminService`, done elsewhere."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self.rooms = RemoteRooms(self._ask)

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, token: str) -> AsyncIterator[Self]:
        """
        The server at ``url``, shown an operator's token.

        Raises:
            NotListening: If there is none.

        """
        async with httpx2.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_PATIENCE_SECONDS,
            # It is on this machine, whatever proxy the environment names.
            trust_env=False,
        ) as client:
            try:
                await client.get("/health")
            except httpx2.TransportError:
                raise NotListening from None
            yield cls(client)

    async def add_user(
        self,
        username: str,
        password: str | None,
        display_name: str | None = None,
        *,
        is_admin: bool = False,
    ) -> None:
        body = {
            "username": username,
            "password": password,
            "display_name": display_name,
            "admin": is_admin,
        }
        await self._ask("POST", "/admin/users", body)

    async def set_password(self, username: str, password: str) -> None:
        await self._ask("PUT", f"{_user(username)}/password", {"password": password})

    async def disable(self, username: str) -> None:
        await self._ask("PUT", f"{_user(username)}/disabled")

    async def enable(self, username: str) -> None:
        await self._ask("DELETE", f"{_user(username)}/disabled")

    async def set_admin(self, username: str, is_admin: bool) -> None:
        await self._ask("PUT" if is_admin else "DELETE", f"{_user(username)}/admin")

    async def erase_user(self, username: str, *, blank: bool = False) -> None:
        messages = "blank" if blank else "keep"
        await self._ask("DELETE", f"{_user(username)}?messages={messages}")

    async def new_epoch(self) -> str:
        answer: dict[str, str] = await self._ask("PUT", "/admin/epoch")
        return answer["epoch"]

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            answer = await self._client.request(method, path, json=body)
        except httpx2.TransportError as exc:
            raise CommandError(
                f"The server at {self._client.base_url} broke off ({type(exc).__name__}). Whether "
                "it did what was asked for is not known: look before you try again."
            ) from None
        if answer.is_success:
            return answer.json() if answer.content else None
        if answer.status_code == 401:
            raise CommandError(
                f"The server at {self._client.base_url} has another SECRET_KEY than this command. "
                "Run it with the server's own settings."
            )
        raise CommandError(_detail(answer))


def _user(username: str) -> str:
    # Refused here if nobody can have it, so that it is safe in a path.
    return f"/admin/users/{names.username(username)}"


def _detail(answer: httpx2.Response) -> str:
    try:
        problem = answer.json()
        first = next(iter(problem.get("errors", ())), None)
        if first is not None:
            return f"{first['loc'][-1]}: {first['msg']}"
        return str(problem["detail"])
    except (ValueError, KeyError, AttributeError, IndexError, TypeError):
        return f"The server answered {answer.status_code}, which is no answer of Parley's."
