"""Whose token it is."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from app.domain.errors import TokenExpired, Unauthorized, Unavailable
from app.domain.ids import Millis, SessionId, UserId
from app.services.accounts.authenticator import Authenticator
from app.store.batch_loader import BatchLoader
from app.store.database import Database, T, Work
from tests.services.house import MINUTE, House, open_house


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with open_house(database) as opened:
        yield opened


class Counting:
    """A database that counts what is asked of it, and fails to write when told to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.shared = database.shared
        self.reads = self.writes = 0
        self.broken = False

    async def read(self, work: Work[T]) -> T:
        self.reads += 1
        return await self._database.read(work)

    async def write(self, work: Work[T]) -> T:
        self.writes += 1
        if self.broken:
            raise Unavailable
        return await self._database.write(work)

    async def close(self) -> None: ...


@pytest.fixture
def counting(database: Database) -> Counting:
    return Counting(database)


@pytest.fixture
def authenticator(house: House, counting: Counting) -> Authenticator:
    return Authenticator(counting, BatchLoader(counting), house.access_tokens, lambda: house.at)


async def test_a_token_is_its_users_until_it_ends(house: House) -> None:
    tokens = await house.moves_in("alice", is_admin=True)

    me = await house.who(tokens)

    assert me[:5] == (tokens.user, "alice", "alice", True, tokens.session)
    assert me.expires_at == house.at + 15 * MINUTE
    house.pass_time(15 * MINUTE - 1)
    assert await house.who(tokens) == me
    house.pass_time(1)
    with pytest.raises(TokenExpired):
        await house.who(tokens)


async def test_a_token_of_another_user_or_of_no_log_in_is_nobodys(house: House) -> None:
    alice, eve = await house.moves_in("alice"), await house.moves_in("eve")

    for user, session in (
        (eve.user, alice.session),
        (alice.user, SessionId(404)),
        (UserId(404), alice.session),
        (UserId(2**63 - 1), SessionId(2**63 - 1)),
    ):
        with pytest.raises(Unauthorized):
            await house.authenticator.authenticate(
                house.access_tokens.issue(user, session, house.at)
            )


async def test_many_at_once_are_one_or_two_queries(
    house: House, authenticator: Authenticator, counting: Counting
) -> None:
    alice, eve = await house.moves_in("alice"), await house.moves_in("eve")

    found = await asyncio.gather(
        *(authenticator.authenticate(t.access_token) for t in (alice, eve) for _ in range(100))
    )

    assert [me.username for me in found] == ["alice"] * 100 + ["eve"] * 100
    assert counting.reads <= 2


async def test_nothing_is_remembered(house: House, authenticator: Authenticator) -> None:
    tokens = await house.moves_in("alice")
    await authenticator.authenticate(tokens.access_token)

    await house.logins.end_all(tokens.user)

    with pytest.raises(Unauthorized):
        await authenticator.authenticate(tokens.access_token)


async def test_the_last_use_is_noted_once_a_minute(
    house: House, authenticator: Authenticator, counting: Counting
) -> None:
    tokens = await house.moves_in("alice")

    async def last_used() -> Millis:
        await authenticator.close()
        (session,) = await house.logins.live(tokens.user, limit=1)
        return session.last_used_at

    begun = house.at
    house.pass_time(MINUTE)
    await authenticator.authenticate(tokens.access_token)
    assert (await last_used(), counting.writes) == (begun, 0)

    house.pass_time(1)
    await asyncio.gather(*(authenticator.authenticate(tokens.access_token) for _ in range(50)))
    assert (await last_used(), counting.writes) == (house.at, 1)

    await authenticator.authenticate(tokens.access_token)
    assert (await last_used(), counting.writes) == (house.at, 1)


async def test_nobody_is_turned_away_because_a_use_cannot_be_noted(
    house: House, authenticator: Authenticator, counting: Counting
) -> None:
    tokens = await house.moves_in("alice")
    house.pass_time(2 * MINUTE)
    counting.broken = True

    assert (await authenticator.authenticate(tokens.access_token)).username == "alice"
    await authenticator.close()
    counting.broken = False
    assert (await authenticator.authenticate(tokens.access_token)).username == "alice"
    await authenticator.close()

    (session,) = await house.logins.live(tokens.user, limit=1)
    assert session.last_used_at == house.at


async def test_an_operator_is_known_by_the_secret(house: House) -> None:
    tokens = await house.moves_in("alice", is_admin=True)
    operator = house.access_tokens.operator(house.at)

    assert house.authenticator.is_operator(operator)
    assert not house.authenticator.is_operator(tokens.access_token)
    assert not house.authenticator.is_operator("")
    with pytest.raises(Unauthorized):
        await house.authenticator.authenticate(operator)
    house.pass_time(MINUTE)
    with pytest.raises(TokenExpired):
        house.authenticator.is_operator(operator)


async def test_a_database_that_fails_is_said_to_be_unavailable(house: House) -> None:
    tokens = await house.moves_in("alice")

    class Broken(Counting):
        async def read(self, work: Work[T]) -> T:
            raise Unavailable from sa.exc.OperationalError("", {}, Exception())

    broken = Broken(house.database)
    authenticator = Authenticator(
        broken, BatchLoader(broken), house.access_tokens, lambda: house.at
    )

    with pytest.raises(Unavailable):
        await authenticator.authenticate(tokens.access_token)
