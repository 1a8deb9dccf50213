"""Every setting that is a number, at both ends of its range: people can still talk."""

from collections.abc import Iterator

import pytest

from app.config.settings import Settings
from app.domain.connection_limits import MAX_FRAME_BYTES
from app.store.database import Database
from tests.harness.server import open_server

# Between 0, no limit, and the largest frame there is nothing.
LOWEST_LIMIT = {"max_unsent_bytes": MAX_FRAME_BYTES}
# A server that serves nothing has no range; test_cli starts it on ports of all kinds.
WITHOUT_CONVERSATION = {"port"}


def ends() -> Iterator[tuple[str, int]]:
    """Each setting and its lowest and highest value, and its lowest limit where 0 is none."""
    for name, field in Settings.model_fields.items():
        bounds = {
            key: value
            for each in field.metadata
            for key in ("ge", "le")
            if (value := getattr(each, key, None)) is not None
        }
        if not bounds or name in WITHOUT_CONVERSATION:
            continue
        assert set(bounds) == {"ge", "le"}, f"{name} has no end"
        yield name, bounds["ge"]
        yield name, bounds["le"]
        if not bounds["ge"]:
            yield name, LOWEST_LIMIT.get(name, 1)


def test_settings_have_ends() -> None:
    assert {"access_token_minutes", "send_burst", "shutdown_seconds"} <= {
        name for name, _ in ends()
    }


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), list(ends()))
async def test_people_can_talk(database: Database, name: str, value: int) -> None:
    async with open_server(database, **{name: value}) as server:
        registered = await server.client.post(
            "/users", json={"username": "cleo", "password": "a long enough one"}
        )
        assert registered.status_code == 201
        tokens = (
            await server.client.post(
                "/token", data={"username": "cleo", "password": "a long enough one"}
            )
        ).json()
        again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        refreshed = await server.client.post("/token", data=again)
        assert refreshed.status_code == 200

        ana, bo = [await server.joins(who, "general") for who in ("ana", "bo")]
        ack = await ana.ask("send", text="hello")
        assert ack["type"] == "ack"
        assert (await bo.hears("message.created"))["text"] == "hello"
        assert all(frame["type"] != "auth_expiring" for frame in ana.heard)
        await server.runtime.drain()
        assert (await bo.is_closed())[0] == 4200
