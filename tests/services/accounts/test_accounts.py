"""Having an account."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.errors import (
    Forbidden,
    Invalid,
    InvalidGrant,
    RateLimited,
    RegistrationClosed,
    Unauthorized,
    UsernameTaken,
    UserNotFound,
)
from app.store import users
from app.store.database import Database
from tests.services.house import (
    ELSEWHERE,
    HOME,
    PASSWORD,
    House,
    listen,
    open_house,
    said,
)

NEW = "battery staple horse"


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with open_house(database) as opened:
        yield opened


async def test_whoever_registers_can_log_in(house: House, caplog: Any) -> None:
    listen(caplog)

    user = await house.accounts.register("Alice", PASSWORD, "  Alice Liddell ", HOME)
    me = await house.who(await house.logs_in("ALICE"))

    assert (user.username, user.display_name, user.is_admin) == ("alice", "Alice Liddell", False)
    assert user.created_at == house.at
    assert (me.user, me.username, me.display_name) == (user.id, "alice", "Alice Liddell")
    assert said(caplog, "user.registered") == [{"user": "alice", "address": HOME}]


async def test_the_password_itself_is_nowhere(house: House, caplog: Any) -> None:
    caplog.set_level(0)

    user = await house.accounts.register("alice", PASSWORD, None, HOME)
    tokens = await house.logs_in("alice")

    assert user.password_hash is not None
    assert PASSWORD not in user.password_hash
    for record in caplog.records:
        assert PASSWORD not in str(vars(record))
        assert tokens.refresh_token not in str(vars(record))
        assert tokens.access_token not in str(vars(record))


async def test_a_name_is_taken_whatever_its_case(house: House) -> None:
    await house.accounts.register("alice", PASSWORD, None, HOME)

    with pytest.raises(UsernameTaken):
        await house.accounts.register("ALICE", NEW, None, HOME)

    await house.logs_in("alice")


async def test_of_many_who_want_a_name_one_gets_it(house: House) -> None:
    answers = await asyncio.gather(
        *(house.accounts.register("alice", PASSWORD, None, HOME) for _ in range(5)),
        return_exceptions=True,
    )

    assert sorted(type(answer).__name__ for answer in answers) == ["User"] + ["UsernameTaken"] * 4


async def test_nobody_registers_where_it_is_closed(database: Database) -> None:
    async with open_house(database, registration_open=False) as house:
        with pytest.raises(RegistrationClosed):
            await house.accounts.register("alice", PASSWORD, None, HOME)

        made = await house.accounts.create("alice", PASSWORD)
        assert (await house.who(await house.logs_in("alice"))).user == made.id


async def test_an_address_registers_only_so_often(database: Database) -> None:
    async with open_house(database, registrations_per_minute=2) as house:
        await house.accounts.register("ann", PASSWORD, None, HOME)
        with pytest.raises(Invalid):
            await house.accounts.register("bob", "short", None, HOME)  # does not count
        await house.accounts.register("bob", PASSWORD, None, HOME)

        with pytest.raises(RateLimited) as refused:
            await house.accounts.register("carol", PASSWORD, None, HOME)

        assert refused.value.retry_after is not None
        assert 0 < refused.value.retry_after <= 60
        await house.accounts.register("carol", PASSWORD, None, ELSEWHERE)


@pytest.mark.parametrize(
    ("username", "password", "display_name", "field"),
    [
        pytest.param("al", PASSWORD, None, "username", id="a short name"),
        pytest.param("me", PASSWORD, None, "username", id="a reserved name"),
        pytest.param("deleted-1", PASSWORD, None, "username", id="the name of an erased one"),
        pytest.param("al ice", PASSWORD, None, "username", id="a space"),
        pytest.param("alice\n", PASSWORD, None, "username", id="a newline"),
        pytest.param("ALİCE", PASSWORD, None, "username", id="a dotted capital I"),
        pytest.param("alice", "1234567", None, "password", id="a short password"),
        pytest.param("alice", "password", None, "password", id="a common password"),
        pytest.param("alice", "I am Alice!", None, "password", id="the name as a password"),
        pytest.param("alice", PASSWORD, "", "display_name", id="no display name"),
        pytest.param("alice", PASSWORD, " \t ", "display_name", id="a blank one"),
        pytest.param("alice", PASSWORD, "x" * 65, "display_name", id="a long one"),
        pytest.param("alice", PASSWORD, "a\0b", "display_name", id="NUL in it"),
        pytest.param("alice", PASSWORD, "a\nb", "display_name", id="a newline in it"),
        pytest.param("alice", PASSWORD, "a\u202eb", "display_name", id="text turned around"),
        pytest.param("alice", PASSWORD, "\ud800", "display_name", id="a surrogate"),
    ],
)
async def test_what_cannot_be_taken_is_refused_by_its_field(
    house: House, username: str, password: str, display_name: str | None, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await house.accounts.register(username, password, display_name, HOME)

    assert [error["loc"] for error in refused.value.errors] == [[field]]
    assert await house.accounts.find("", limit=10) == []


async def test_a_name_of_any_script_with_joined_emoji_is_shown(house: House) -> None:
    shown = "Алиса 👩‍👩‍👧 アリス"

    assert (await house.accounts.create("alice", None, shown)).display_name == shown


async def test_one_sees_and_changes_oneself(house: House) -> None:
    me = await house.who(await house.registers("alice"))

    changed = await house.accounts.update_me(me, display_name=" Al ", address=HOME)
    unchanged = await house.accounts.update_me(me, address=HOME)

    assert changed.display_name == unchanged.display_name == "Al"
    assert await house.accounts.me(me) == changed
    assert house.revoked == []


async def test_a_new_password_ends_all_other_log_ins(house: House, caplog: Any) -> None:
    listen(caplog)
    here = await house.registers("alice")
    there = await house.logs_in("alice")
    me = await house.who(here)

    await house.accounts.update_me(
        me, password=NEW, current_password=PASSWORD, display_name="Al", address=HOME
    )

    assert await house.who(here) == me._replace(display_name="Al")
    assert house.revoked == [(me.user, there.session)]
    with pytest.raises(Unauthorized):
        await house.who(there)
    with pytest.raises(InvalidGrant):
        await house.logins.refresh(there.refresh_token)
    with pytest.raises(InvalidGrant):
        await house.logs_in("alice")
    await house.logs_in("alice", NEW)
    await house.logins.refresh(here.refresh_token)
    assert said(caplog, "user.password_changed") == [{"user": "alice", "address": HOME}]


async def test_changing_the_password_needs_the_old_one(house: House) -> None:
    me = await house.who(await house.registers("alice"))

    with pytest.raises(Forbidden):
        await house.accounts.update_me(
            me, password=NEW, current_password="wrong one", display_name="Al", address=HOME
        )
    for half, field in (
        ({"password": NEW}, "current_password"),
        ({"current_password": PASSWORD}, "password"),
    ):
        with pytest.raises(Invalid) as refused:
            await house.accounts.update_me(me, **half, address=HOME)
        assert refused.value.errors[0]["loc"] == [field]
    with pytest.raises(Invalid):
        await house.accounts.update_me(
            me, password="password", current_password=PASSWORD, address=HOME
        )

    assert (await house.accounts.me(me)).display_name == "alice"
    await house.logs_in("alice")


async def test_of_two_changes_with_one_old_password_one_wins(house: House) -> None:
    me = await house.who(await house.registers("alice"))

    answers = await asyncio.gather(
        *(
            house.accounts.update_me(me, password=new, current_password=PASSWORD, address=HOME)
            for new in ("first new password", "other new password")
        ),
        return_exceptions=True,
    )

    assert sorted(type(answer).__name__ for answer in answers) == ["Forbidden", "User"]


async def test_guessing_the_old_password_is_throttled_too(database: Database) -> None:
    async with open_house(database, failed_logins_per_minute=2) as house:
        me = await house.who(await house.registers("alice"))
        for _ in range(2):
            with pytest.raises(Forbidden):
                await house.accounts.delete_me(me, "wrong guess", HOME)

        with pytest.raises(RateLimited):
            await house.accounts.delete_me(me, PASSWORD, HOME)


async def test_without_a_password_none_is_right(house: House) -> None:
    me = await house.who(await house.moves_in("alice"))

    with pytest.raises(Forbidden):
        await house.accounts.update_me(me, password=NEW, current_password="", address=HOME)
    with pytest.raises(InvalidGrant):
        await house.logs_in("alice", "")


async def test_the_erased_leave_a_number(house: House, caplog: Any) -> None:
    listen(caplog)
    tokens = await house.registers("alice")
    me = await house.who(tokens)

    await house.accounts.delete_me(me, PASSWORD, HOME)

    left = await house.database.read(lambda c: users.by_id(c, me.user))
    assert left is not None
    assert left[:5] == (me.user, f"deleted-{me.user}", "", None, False)
    assert left.erased_at == house.at
    assert house.erasing == [me.user]
    assert house.revoked == [(me.user, None)]
    for no_longer in (house.who(tokens), house.accounts.me(me)):
        with pytest.raises(Unauthorized):
            await no_longer
    with pytest.raises(InvalidGrant):
        await house.logs_in("alice")
    for name in ("alice", left.username):
        with pytest.raises(UserNotFound):
            await house.accounts.get(name)
    assert said(caplog, "user.erased") == [{"user": "alice", "address": HOME}]


async def test_the_name_of_an_erased_one_is_free_and_opens_nothing_of_theirs(
    house: House,
) -> None:
    before = await house.registers("alice")
    await house.accounts.delete_me(await house.who(before), PASSWORD, HOME)

    after = await house.registers("alice")

    assert (await house.who(after)).user != before.user
    with pytest.raises(Unauthorized):
        await house.who(before)  # though SQLite gives the log-in's number out again


async def test_erasing_needs_the_password(house: House) -> None:
    me = await house.who(await house.registers("alice"))

    with pytest.raises(Forbidden):
        await house.accounts.delete_me(me, "wrong one", HOME)

    assert house.erasing == []
    assert (await house.accounts.get("alice")).id == me.user


async def test_an_administrator_erases_without_the_password(house: House) -> None:
    tokens = await house.moves_in("alice")

    await house.accounts.erase("Alice")

    with pytest.raises(Unauthorized):
        await house.who(tokens)
    with pytest.raises(UserNotFound):
        await house.accounts.erase("alice")


async def test_people_are_found_by_the_beginning_of_their_name(house: House) -> None:
    for name in ("alice", "alan", "bob"):
        await house.accounts.create(name, None)

    async def found(prefix: str, **page: Any) -> list[str]:
        return [user.username for user in await house.accounts.find(prefix, **page)]

    assert await found("AL", limit=10) == ["alan", "alice"]
    assert await found("", after="alan", limit=1) == ["alice"]
    for nobody in ("z", "%", "a b", "a\0", "\ud800", "é", "x" * 100):
        assert await found(nobody, limit=10) == []


async def test_somebody_is_found_by_name_disabled_or_not(house: House) -> None:
    await house.accounts.create("alice", None)
    await house.admin.disable("alice")

    assert (await house.accounts.get("ALICE")).username == "alice"
    for nobody in ("bob", "", "a b", "me", "x" * 100, "\ud800"):
        with pytest.raises(UserNotFound):
            await house.accounts.get(nobody)
