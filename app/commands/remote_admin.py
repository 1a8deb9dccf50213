"""
Runs commands through the admin API of the server that has the database.

What a command is given is checked here, as the services do, so that it is refused in the same
words with and without a server. The API checks it again, in words for programs.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlencode

import httpx2

from ..domain import labels, names
from ..domain.limits import MAX_PAGE
from ..domain.retention import refuse_retention
from ..domain.roles import Kind
from ..security.passwords import refuse_weak
from ..wire.accounts import TokenAnswer
from ..wire.admin import AccountAnswer, AdminRoomAnswer, MoveLine
from .exit_codes import CommandError

# Under load, hashing a password waits in a queue for seconds.
_TIMEOUT_SECONDS = 30.0


class NotReachable(Exception):
    """Nothing accepts connections at the address."""


SendRequest = Callable[..., Awaitable[Any]]
ReadAll = Callable[[str, str], AsyncIterator[Any]]


class RemoteRoomAdmin:
    """:class:`~app.services.admin.room_admin.RoomAdmin`, over HTTP."""

    def __init__(self, ask: SendRequest, read_all: ReadAll) -> None:
        self._request = ask
        self._read_all = read_all

    async def all(self) -> AsyncIterator[AdminRoomAnswer]:
        async for room in self._read_all("/admin/rooms", "rooms"):
            yield AdminRoomAnswer.model_validate(room)

    async def add(self, name: str, title: str, kind: Kind, owner: str | None = None) -> None:
        body = {
            "name": names.new_room_name(name),
            "title": labels.title(title),
            "kind": kind.value,
            "owner": owner,
        }
        await self._request("POST", "/admin/rooms", body)

    async def set_retention(
        self,
        name: str,
        *,
        days: int | None = None,
        events: int | None = None,
        keep_pinned: bool = True,
    ) -> None:
        refuse_retention(days, events)
        path = f"/admin/rooms/{names.room_name(name)}/retention"
        if days is None and events is None:
            await self._request("DELETE", path)
        else:
            kept = {"days": days, "events": events, "keep_pinned": keep_pinned}
            await self._request("PUT", path, kept)


class RemoteAdmin:
    """
    :class:`~app.services.admin.admin_service.AdminService`, over HTTP.

    Every method raises CommandError on failure.

    """

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self.rooms = RemoteRoomAdmin(self._request, self._read_all)

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, token: str) -> AsyncIterator[Self]:
        """
        Connect to the server at ``url`` with an operator's token.

        Raises:
            NotReachable: If nothing accepts connections there.

        """
        async with httpx2.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT_SECONDS,
            # The server is on this machine: ignore proxies from the environment.
            trust_env=False,
        ) as client:
            try:
                await client.get("/health")
            except httpx2.TransportError:
                raise NotReachable from None
            yield cls(client)

    async def all_users(self) -> AsyncIterator[AccountAnswer]:
        async for user in self._read_all("/admin/users", "users"):
            yield AccountAnswer.model_validate(user)

    async def has_user(self, username: str) -> bool:
        name = names.username(username)
        # In order of name: the shortest with this beginning comes first.
        page = await self._request("GET", f"/admin/users?{urlencode({'q': name, 'limit': 1})}")
        return any(user["username"] == name for user in page["users"])

    async def add_user(
        self,
        username: str,
        password: str | None,
        display_name: str | None = None,
        *,
        is_admin: bool = False,
    ) -> None:
        name = names.new_username(username, by_operator=True)
        if password is not None:
            refuse_weak(password, name)
        body = {
            "username": username,
            "password": password,
            "display_name": display_name,
            "admin": is_admin,
        }
        await self._request("POST", "/admin/users", body)

    async def set_password(self, username: str, password: str) -> None:
        refuse_weak(password, names.username(username))
        await self._request("PUT", f"{_user_path(username)}/password", {"password": password})

    async def disable(self, username: str) -> None:
        await self._request("PUT", f"{_user_path(username)}/disabled")

    async def enable(self, username: str) -> None:
        await self._request("DELETE", f"{_user_path(username)}/disabled")

    async def set_admin(self, username: str, is_admin: bool) -> None:
        await self._request("PUT" if is_admin else "DELETE", f"{_user_path(username)}/admin")

    async def log_in_as(self, username: str, label: str) -> TokenAnswer:
        path = f"{_user_path(username)}/token"
        return TokenAnswer.model_validate(await self._request("POST", path, label=label))

    async def erase_user(self, username: str, *, blank: bool = False) -> None:
        messages = "blank" if blank else "keep"
        await self._request("DELETE", f"{_user_path(username)}?messages={messages}")

    async def new_epoch(self) -> str:
        answer: dict[str, str] = await self._request("PUT", "/admin/epoch")
        return answer["epoch"]

    async def move(self, to: str) -> AsyncIterator[MoveLine]:
        """Move the server's database; yield how far it is, and at last its outcome."""
        try:
            async with self._client.stream("POST", "/admin/move", json={"to": to}) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise self._refusal(answer)
                async for line in answer.aiter_lines():
                    yield MoveLine.model_validate_json(line)
        except httpx2.TransportError as exc:
            raise self._closed(exc) from None

    async def _read_all(self, path: str, name: str) -> AsyncIterator[Any]:
        """Each entry of a list of several pages."""
        query = {"limit": str(MAX_PAGE)}
        while True:
            page = await self._request("GET", f"{path}?{urlencode(query)}")
            for entry in page[name]:
                yield entry
            if page["next"] is None:
                return
            query["after"] = page["next"]

    async def _request(
        self, method: str, path: str, body: dict[str, Any] | None = None, label: str | None = None
    ) -> Any:
        headers = {} if label is None else {"User-Agent": label}
        try:
            answer = await self._client.request(method, path, json=body, headers=headers)
        except httpx2.TransportError as exc:
            raise self._closed(exc) from None
        if answer.is_success:
            return answer.json() if answer.content else None
        raise self._refusal(answer)

    def _closed(self, exc: httpx2.TransportError) -> CommandError:
        return CommandError(
            f"The server at {self._client.base_url} closed the connection "
            f"({type(exc).__name__}). The command may have taken effect: check before "
            "you try again."
        )

    def _refusal(self, answer: httpx2.Response) -> CommandError:
        if answer.status_code == 401:
            return CommandError(
                f"The server at {self._client.base_url} has a different SECRET_KEY than this "
                "command. Run the command with the server's own settings."
            )
        return CommandError(_error_text(answer))


def _user_path(username: str) -> str:
    # An invalid name is refused here, so that the path is safe.
    return f"/admin/users/{names.username(username)}"


def _error_text(answer: httpx2.Response) -> str:
    try:
        problem = answer.json()
        first = next(iter(problem.get("errors", ())), None)
        if first is not None:
            return f"{first['loc'][-1]}: {first['msg']}"
        return str(problem["detail"])
    except (ValueError, KeyError, AttributeError, IndexError, TypeError):
        return f"The server answered {answer.status_code}, which is not a response of Parley."
