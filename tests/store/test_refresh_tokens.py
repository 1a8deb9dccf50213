"""Refresh tokens: exchanged once, again within the grace period, and never after it."""

import pytest

from app.domain.ids import Millis
from app.domain.limits import REFRESH_GRACE_SECONDS
from app.store import refresh_tokens, users
from app.store.database import Database
from app.store.refresh_tokens import RefreshOutcome
from tests.store.session_env import (
    DAY,
    LATER,
    NOW,
    SessionEnv,
    code_hash,
    open_session_env,
)

EXCHANGED, REUSED, REFUSED = RefreshOutcome
TOO_LATE = Millis(NOW + REFRESH_GRACE_SECONDS * 1000 + 1)


@pytest.fixture
async def env(database: Database) -> SessionEnv:
    return await open_session_env(database)


async def test_a_token_is_exchanged_for_its_successor(env: SessionEnv) -> None:
    session = await env.log_in(1)

    first = await env.rotate(1, 2, LATER)
    second = await env.rotate(2, 3, TOO_LATE)

    assert first == second == (EXCHANGED, env.alice, session)
    assert await env.tokens_left() == 3


async def test_both_successors_of_a_token_exchanged_twice_at_once_work(env: SessionEnv) -> None:
    await env.log_in(1)

    assert (await env.rotate(1, 2, NOW)).outcome is EXCHANGED
    assert (await env.rotate(1, 3, Millis(TOO_LATE - 1))).outcome is EXCHANGED

    assert (await env.rotate(2, 4, TOO_LATE)).outcome is EXCHANGED
    assert (await env.rotate(3, 5, TOO_LATE)).outcome is EXCHANGED


async def test_reuse_after_the_grace_period_ends_the_log_in(env: SessionEnv) -> None:
    session = await env.log_in(1)
    other = await env.log_in(10)
    await env.rotate(1, 2, NOW)
    # Within the grace period, which it does not extend.
    await env.rotate(1, 3, LATER)

    reused = await env.rotate(1, 4, TOO_LATE)

    assert reused == (REUSED, env.alice, session)
    assert await env.revoked() == [(env.alice, session)]
    assert (await env.rotate(2, 5, TOO_LATE)).outcome is REFUSED
    assert (await env.rotate(1, 6, TOO_LATE)).outcome is REFUSED
    assert (await env.owners(session, other)).keys() == {other}


async def test_unknown_ended_and_expired_tokens_are_refused(env: SessionEnv) -> None:
    ended = await env.log_in(1)
    await env.log_in(2, days=1)
    await env.end(ended)

    assert await env.rotate(404, 5, NOW) == (REFUSED, None, None)
    assert (await env.rotate(1, 6, NOW)).outcome is REFUSED
    assert (await env.rotate(2, 7, Millis(NOW + DAY))).outcome is REFUSED


@pytest.mark.parametrize("column", ["disabled_at", "erased_at"])
async def test_a_user_who_may_not_log_in_is_refused(env: SessionEnv, column: str) -> None:
    await env.log_in(1)

    await env.database.write(lambda c: users.update(c, env.alice, **{column: NOW}))

    assert (await env.rotate(1, 2, LATER)).outcome is REFUSED


async def test_an_exchange_does_not_extend_the_log_in(env: SessionEnv) -> None:
    session = await env.log_in(1)

    await env.rotate(1, 2, LATER)

    assert (await env.owners(session))[session].expires_at == NOW + 30 * DAY


async def test_a_token_names_its_owner_even_when_exchanged(env: SessionEnv) -> None:
    session = await env.log_in(1)
    await env.rotate(1, 2, NOW)

    for n in (1, 2):
        owner = await env.database.read(lambda c, n=n: refresh_tokens.owner(c, code_hash(n)))
        assert owner == (env.alice, session)
    assert await env.database.read(lambda c: refresh_tokens.owner(c, code_hash(404))) is None
