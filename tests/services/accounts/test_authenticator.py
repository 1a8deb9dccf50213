"""Which user an access token belongs to."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from app.domain.errors import TokenExpired, Unauthorized, Unavailable
from app.domain.ids import Millis, SessionId, UserId
from app.services.accounts.authenticator import Authenticator, Identity
from app.store.batch_loader import BatchLoader
from app.store.database import Database, T, Work
from tests.services.env import MINUTE, AccountsEnv, open_accounts_env


@pytest.fixture
async def env(database: Database) -> AsyncIterator[AccountsEnv]:
    async with open_accounts_env(database) as opened:
        yield opened


class CountingDatabase:
    """A database that counts calls; its writes fail while ``broken`` is set."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.shared = database.shared
        self.fault = database.fault
        self.checking = database.checking
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
def counting(database: Database) -> CountingDatabase:
    return CountingDatabase(database)


@pytest.fixture
def authenticator(env: AccountsEnv, counting: CountingDatabase) -> Authenticator:
    return Authenticator(counting, BatchLoader(counting), env.access_tokens, lambda: env.at)


async def test_a_token_identifies_its_user_until_it_expires(env: AccountsEnv) -> None:
    tokens = await env.add_user("alice", is_admin=True)

    me = await env.authenticate(tokens)

    assert me == Identity(
        user=tokens.user,
        username="alice",
        display_name="alice",
        created_at=env.at,
        is_admin=True,
        session=tokens.session,
        expires_at=Millis(env.at + 15 * MINUTE),
    )
    env.pass_time(15 * MINUTE - 1)
    assert await env.authenticate(tokens) == me
    env.pass_time(1)
    with pytest.raises(TokenExpired):
        await env.authenticate(tokens)


async def test_a_token_with_the_wrong_user_or_no_log_in_is_refused(env: AccountsEnv) -> None:
    alice, eve = await env.add_user("alice"), await env.add_user("eve")

    for user, session in (
        (eve.user, alice.session),
        (alice.user, SessionId(404)),
        (UserId(404), alice.session),
        (UserId(2**63 - 1), SessionId(2**63 - 1)),
    ):
        with pytest.raises(Unauthorized):
            await env.authenticator.authenticate(env.access_tokens.issue(user, session, env.at))


async def test_concurrent_requests_share_one_or_two_queries(
    env: AccountsEnv, authenticator: Authenticator, counting: CountingDatabase
) -> None:
    alice, eve = await env.add_user("alice"), await env.add_user("eve")

    found = await asyncio.gather(
        *(authenticator.authenticate(t.access_token) for t in (alice, eve) for _ in range(100))
    )

    assert [me.username for me in found] == ["alice"] * 100 + ["eve"] * 100
    assert counting.reads <= 2


async def test_an_ended_log_in_is_refused_at_once(
    env: AccountsEnv, authenticator: Authenticator
) -> None:
    tokens = await env.add_user("alice")
    await authenticator.authenticate(tokens.access_token)

    await env.logins.end_all(tokens.user)

    with pytest.raises(Unauthorized):
        await authenticator.authenticate(tokens.access_token)


async def test_the_last_use_is_recorded_once_a_minute(
    env: AccountsEnv, authenticator: Authenticator, counting: CountingDatabase
) -> None:
    tokens = await env.add_user("alice")

    async def last_used() -> Millis:
        await authenticator.close()
        (session,) = await env.logins.live(tokens.user, limit=1)
        return session.last_used_at

    started_at = env.at
    env.pass_time(MINUTE)
    await authenticator.authenticate(tokens.access_token)
    assert (await last_used(), counting.writes) == (started_at, 0)

    env.pass_time(1)
    await asyncio.gather(*(authenticator.authenticate(tokens.access_token) for _ in range(50)))
    assert (await last_used(), counting.writes) == (env.at, 1)

    await authenticator.authenticate(tokens.access_token)
    assert (await last_used(), counting.writes) == (env.at, 1)


async def test_a_request_succeeds_though_its_use_cannot_be_recorded(
    env: AccountsEnv, authenticator: Authenticator, counting: CountingDatabase
) -> None:
    tokens = await env.add_user("alice")
    env.pass_time(2 * MINUTE)
    counting.broken = True

    assert (await authenticator.authenticate(tokens.access_token)).username == "alice"
    await authenticator.close()
    counting.broken = False
    assert (await authenticator.authenticate(tokens.access_token)).username == "alice"
    await authenticator.close()

    (session,) = await env.logins.live(tokens.user, limit=1)
    assert session.last_used_at == env.at


async def test_an_operator_token_is_recognised(env: AccountsEnv) -> None:
    tokens = await env.add_user("alice", is_admin=True)
    operator = env.access_tokens.operator(env.at)

    assert env.authenticator.is_operator(operator)
    assert not env.authenticator.is_operator(tokens.access_token)
    assert not env.authenticator.is_operator("")
    with pytest.raises(Unauthorized):
        await env.authenticator.authenticate(operator)
    env.pass_time(MINUTE)
    with pytest.raises(TokenExpired):
        env.authenticator.is_operator(operator)


async def test_a_failing_database_is_unavailable(env: AccountsEnv) -> None:
    tokens = await env.add_user("alice")

    class BrokenDatabase(CountingDatabase):
        async def read(self, work: Work[T]) -> T:
            raise Unavailable from sa.exc.OperationalError("", {}, Exception())

    broken = BrokenDatabase(env.database)
    authenticator = Authenticator(broken, BatchLoader(broken), env.access_tokens, lambda: env.at)

    with pytest.raises(Unavailable):
        await authenticator.authenticate(tokens.access_token)
