"""People who use the API over HTTP."""

from typing import Any

from httpx2 import AsyncClient, Response

PASSWORD = "correct horse battery"


async def register(client: AsyncClient, name: str, password: str = PASSWORD) -> Response:
    return await client.post("/users", json={"username": name, "password": password})


async def log_in(client: AsyncClient, name: str, password: str = PASSWORD) -> Response:
    return await client.post("/token", data={"username": name, "password": password})


async def person(client: AsyncClient, name: str) -> dict[str, str]:
    """Somebody with an account and a log-in: the header that says so."""
    await register(client, name)
    return bearer((await log_in(client, name)).json()["access_token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code(answer: Response) -> tuple[int, str]:
    """Status and code of a problem."""
    assert answer.headers["content-type"].startswith("application/problem+json")
    return answer.status_code, answer.json()["code"]


def fields(answer: Response) -> list[Any]:
    """The last part of where each wrong field is."""
    assert code(answer) == (422, "invalid")
    return [error["loc"][-1] for error in answer.json()["errors"]]
