"""Accounts, tokens and errors over HTTP."""

from typing import Any

from httpx2 import AsyncClient, Response

PASSWORD = "correct horse battery"


async def register(client: AsyncClient, name: str, password: str = PASSWORD) -> Response:
    return await client.post("/users", json={"username": name, "password": password})


async def log_in(client: AsyncClient, name: str, password: str = PASSWORD) -> Response:
    return await client.post("/token", data={"username": name, "password": password})


async def person(client: AsyncClient, name: str) -> dict[str, str]:
    """Register and log in; returns the header that authenticates."""
    await register(client, name)
    return bearer((await log_in(client, name)).json()["access_token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code(answer: Response) -> tuple[int, str]:
    """The status and code of a problem response."""
    assert answer.headers["content-type"].startswith("application/problem+json")
    return answer.status_code, answer.json()["code"]


def fields(answer: Response) -> list[Any]:
    """The names of the invalid fields."""
    assert code(answer) == (422, "invalid")
    return [error["loc"][-1] for error in answer.json()["errors"]]
