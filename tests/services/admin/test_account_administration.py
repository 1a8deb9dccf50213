"""What administrators do to accounts."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.errors import Forbidden, Invalid, InvalidGrant, Unauthorized, UserNotFound
from app.store.database import Database
from tests.services.house import House, listen, open_house, said

NEW = "battery staple horse"


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with open_house(database) as opened:
        yield opened


async def test_a_reset_password_ends_every_log_in(house: House, caplog: Any) -> None:
    listen(caplog)
    tokens = await house.registers("alice")

    await house.admin.set_password("Alice", NEW)

    assert house.revoked == [(tokens.user, None)]
    with pytest.raises(Unauthorized):
        await house.who(tokens)
    with pytest.raises(InvalidGrant):
        await house.logs_in("alice")
    await house.logs_in("alice", NEW)
    assert said(caplog, "user.password_reset") == [{"user": "alice"}]


async def test_a_reset_password_is_no_weaker(house: House) -> None:
    tokens = await house.moves_in("alice")

    with pytest.raises(Invalid):
        await house.admin.set_password("alice", "password")

    assert (await house.who(tokens)).username == "alice"


async def test_the_disabled_are_out_until_they_are_enabled(house: House, caplog: Any) -> None:
    listen(caplog)
    tokens = await house.registers("alice")

    disabled = await house.admin.disable("alice")
    again = await house.admin.disable("alice")

    assert disabled.disabled_at == again.disabled_at == house.at
    assert house.revoked == [(tokens.user, None)]
    with pytest.raises(Unauthorized):
        await house.who(tokens)
    with pytest.raises(InvalidGrant):
        await house.logins.refresh(tokens.refresh_token)
    with pytest.raises(InvalidGrant):
        await house.logs_in("alice")
    with pytest.raises(Forbidden):
        await house.logins.log_in_as("alice", "a host product")

    enabled = await house.admin.enable("alice")

    assert enabled.active
    assert (await house.who(await house.logs_in("alice"))).username == "alice"
    with pytest.raises(Unauthorized):
        await house.who(tokens)  # what ended has ended
    assert said(caplog, "user.enabled") == [{"user": "alice"}]


async def test_being_an_administrator_holds_from_the_next_request(house: House) -> None:
    tokens = await house.moves_in("alice")
    assert not (await house.who(tokens)).is_admin

    made = await house.admin.set_admin("alice", True)
    assert made.is_admin
    assert (await house.who(tokens)).is_admin

    await house.admin.set_admin("alice", False)
    assert not (await house.who(tokens)).is_admin


async def test_nobody_can_be_administered(house: House) -> None:
    await house.moves_in("alice")
    await house.accounts.erase("alice")

    for name in ("nobody", "alice", "deleted-1", "a b"):
        for attempt in (
            house.admin.set_password(name, NEW),
            house.admin.disable(name),
            house.admin.enable(name),
            house.admin.set_admin(name, True),
            house.logins.log_in_as(name, "x"),
        ):
            with pytest.raises(UserNotFound):
                await attempt
