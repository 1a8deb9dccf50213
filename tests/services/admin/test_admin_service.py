"""What an operator does, and the entry that each act leaves."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.errors import (
    Forbidden,
    Invalid,
    RoomExists,
    RoomNotFound,
    UsernameTaken,
    UserNotFound,
)
from app.domain.events import EventBatch
from app.domain.ids import Millis, UserId
from app.domain.roles import Kind
from app.domain.sessions import SessionsRevoked
from app.security.access_tokens import AccessTokens
from app.security.passwords import Passwords
from app.services.accounts.erasures import Erasures
from app.services.accounts.login_throttle import LoginThrottle
from app.services.admin.admin_service import AdminService
from app.services.log.epoch import Epoch
from app.services.log.seams import Seams
from app.services.log.transactions import Transactions
from app.services.rooms.membership_removal import MembershipRemoval
from app.services.rooms.retention import Retention
from app.store import epoch as epoch_store
from app.store.checking import check
from app.store.database import Database
from app.store.tables import audit, members, users

PASSWORD = "correct horse battery"
SECRET = "a secret of the tests, forty characters.."
NOW = Millis(1_795_000_000_000)
ADMIN = UserId(7)


class Office:
    """An operator's desk, and what the outside was told."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self.database = database
        self.event_batches: list[EventBatch] = []
        self.ended: list[SessionsRevoked] = []
        seams = self.seams = Seams()
        transactions = Transactions(database, seams)
        membership_removal = MembershipRemoval(database, transactions, lambda: NOW)
        self.epoch = Epoch("epoch")
        self.admin = AdminService(
            database,
            transactions=transactions,
            erasures=Erasures(
                database,
                transactions=transactions,
                remove_memberships=membership_removal.remove_memberships,
                on_names_changed=seams.on_names_changed,
                now=lambda: NOW,
            ),
            retention=Retention(database, now=lambda: NOW, on_log_trimmed=seams.on_log_trimmed),
            epoch=self.epoch,
            passwords=passwords,
            access_tokens=AccessTokens(SECRET, [], minutes=15),
            throttle=LoginThrottle(failed_logins_per_minute=0, registrations_per_minute=0),
            refresh_token_days=30,
            now=lambda: NOW,
        )

    async def entries(self) -> list[tuple[Any, ...]]:
        """The audit: by whom, what, on whom."""
        columns = sa.select(audit.c.by, audit.c.action, audit.c.target).order_by(audit.c.id)
        return await self.database.read(lambda c: [tuple(row) for row in c.execute(columns)])

    async def events(self) -> Sequence[str]:
        """What rooms were told, in order."""
        return [event.type for event_batch in self.event_batches for event in event_batch.events]


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    passwords = Passwords()
    office = Office(database, passwords)
    with (
        office.seams.on_committed.connected(office.event_batches.extend),
        office.seams.on_sessions_revoked.connected(office.ended.append),
    ):
        yield office
    await office.admin.close()
    passwords.close()


async def test_each_act_on_an_account_leaves_an_entry(office: Office) -> None:
    do = office.admin

    await do.add_user("Alice", PASSWORD)
    await do.add_user("bob", None, "Bob B.", is_admin=True, by=ADMIN)
    await do.set_password("alice", "battery staple horse", ADMIN)
    await do.disable("ALICE")
    await do.enable("alice")
    await do.set_admin("alice", True)
    await do.set_admin("alice", False)
    await do.log_in_as("bob", "a product", ADMIN)

    assert await office.entries() == [
        (None, "user.add", "alice"),
        (ADMIN, "user.add_admin", "bob"),
        (ADMIN, "user.set_password", "alice"),
        (None, "user.disable", "alice"),
        (None, "user.enable", "alice"),
        (None, "user.make_admin", "alice"),
        (None, "user.make_no_admin", "alice"),
        (ADMIN, "user.log_in_as", "bob"),
    ]
    assert [user for user, _ in office.ended] == [UserId(1), UserId(1)]


async def test_each_act_says_so_in_the_log(office: Office, caplog: Any) -> None:
    caplog.set_level("INFO", "parley.security")

    await office.admin.add_user("alice", PASSWORD, by=ADMIN)

    said = [record for record in caplog.records if record.getMessage() == "operator.acted"]
    assert [record.facts for record in said] == [
        {"action": "user.add", "target": "alice", "by_id": ADMIN}
    ]


@pytest.mark.parametrize(
    ("act", "error"),
    [
        pytest.param(lambda do: do.add_user("ana", PASSWORD), UsernameTaken, id="a taken name"),
        pytest.param(lambda do: do.add_user("me", PASSWORD), Invalid, id="a reserved name"),
        pytest.param(lambda do: do.add_user("eve", "12345678"), Invalid, id="a weak password"),
        pytest.param(lambda do: do.disable("eve"), UserNotFound, id="nobody to disable"),
        pytest.param(lambda do: do.enable("eve"), UserNotFound, id="nobody to enable"),
        pytest.param(lambda do: do.set_admin("e e", True), UserNotFound, id="nobody's name"),
        pytest.param(lambda do: do.log_in_as("eve", ""), UserNotFound, id="nobody to log in"),
        pytest.param(lambda do: do.rooms.add("general"), RoomExists, id="a taken room"),
        pytest.param(lambda do: do.rooms.add("dm-x"), Invalid, id="a reserved room"),
        pytest.param(lambda do: do.rooms.add("x", "a" * 201), Invalid, id="a long title"),
        pytest.param(
            lambda do: do.rooms.add("attic", owner="eve"), UserNotFound, id="nobody to own it"
        ),
        pytest.param(lambda do: do.rooms.set_archived("attic", True), RoomNotFound, id="no room"),
    ],
)
async def test_what_is_refused_leaves_no_trace(office: Office, act: Any, error: Any) -> None:
    await office.admin.add_user("ana", None)

    with pytest.raises(error):
        await act(office.admin)

    assert await office.entries() == [(None, "user.add", "ana")]
    assert office.event_batches == []
    assert [room.name for room in await office.admin.rooms.page(limit=9)] == ["general"]


async def test_a_disabled_user_is_logged_in_by_nobody_and_owns_no_new_room(
    office: Office,
) -> None:
    await office.admin.add_user("ana", None)
    await office.admin.disable("ana")

    with pytest.raises(Forbidden):
        await office.admin.log_in_as("ana", "a product")
    with pytest.raises(UserNotFound):
        await office.admin.rooms.add("attic", owner="ana")


async def test_users_are_listed_by_name_the_disabled_too(office: Office) -> None:
    for name in ("carol", "alice", "albert"):
        await office.admin.add_user(name, None)
    await office.admin.disable("albert")

    found = await office.admin.users("al", limit=5)

    assert [(user.username, user.active) for user in found] == [
        ("albert", False),
        ("alice", True),
    ]
    assert [user.username for user in await office.admin.users(after="alice", limit=5)] == [
        "carol"
    ]


async def test_a_room_is_made_told_of_and_listed(office: Office) -> None:
    made = await office.admin.rooms.add("Kitchen", " Food ", Kind.PUBLIC, by=ADMIN)

    assert (made.name, made.title, made.kind, made.head) == ("kitchen", "Food", Kind.PUBLIC, 1)
    assert made.member_count == 0
    assert await office.events() == ["room.created"]
    assert await office.entries() == [(ADMIN, "room.add", "kitchen")]
    listed = await office.admin.rooms.page(after="general", limit=5)
    assert listed == [made]


async def test_a_private_room_can_be_given_an_owner_at_once(office: Office) -> None:
    await office.admin.add_user("ana", None)

    made = await office.admin.rooms.add("attic", kind=Kind.PRIVATE, owner="Ana")

    assert made.member_count == 1
    assert await office.events() == ["room.created", "member.joined", "member.updated"]
    role = sa.select(members.c.role).where(members.c.room_id == made.id)
    assert await office.database.read(lambda c: c.execute(role).scalar_one()) == "owner"
    assert (await office.database.read(check)).findings == []


async def test_archiving_and_reopening_are_events_by_whoever_did_it(office: Office) -> None:
    admin = await office.admin.add_user("ada", None, is_admin=True)

    assert (await office.admin.rooms.set_archived("General", True, admin.id)).archived_at == NOW
    assert (await office.admin.rooms.set_archived("general", True, admin.id)).archived_at == NOW
    assert (await office.admin.rooms.set_archived("general", False)).archived_at is None

    assert await office.events() == ["room.archived", "room.reopened"]
    assert [event_batch.events[0].by for event_batch in office.event_batches] == [admin.id, None]
    assert [action for _, action, _ in await office.entries()][1:] == [
        "room.archive",
        "room.archive",
        "room.reopen",
    ]


async def test_a_new_epoch_is_told_and_stored(office: Office) -> None:
    before = await office.database.read(epoch_store.read)

    epoch = await office.admin.new_epoch()

    assert epoch != before
    assert office.epoch.name == epoch
    assert await office.database.read(epoch_store.read) == epoch
    assert await office.entries() == [(None, "epoch.new", "installation")]


async def test_an_act_that_has_begun_is_finished_without_its_asker(office: Office) -> None:
    asking = asyncio.create_task(office.admin.rooms.add("kitchen"))
    await asyncio.sleep(0)  # let it begin

    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await office.admin.close()

    assert await office.events() == ["room.created"]
    assert await office.entries() == [(None, "room.add", "kitchen")]


async def test_passwords_are_kept_as_hashes(office: Office) -> None:
    await office.admin.add_user("ana", PASSWORD)

    kept = sa.select(users.c.password_hash)
    stored = await office.database.read(lambda c: c.execute(kept).scalar_one())
    assert stored.startswith("$argon2id$")
