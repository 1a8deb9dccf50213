"""A database with users, and the committer to append to its log."""

from collections.abc import Callable, Sequence
from typing import Any

from app.domain.appends import Append, Committed, CreateRoom, Join, Send
from app.domain.ids import Millis, RoomId, UserId
from app.domain.roles import Kind
from app.domain.working_set import NO_ROOM
from app.services.log.batch_transaction import commit
from app.store import search_backlog, search_pending, users
from app.store.database import Database, DbConnection, T

GENERAL = RoomId(1)
"""The room of a new installation."""

START = Millis(1_795_000_000_000)


def insert_user(connection: DbConnection, name: str, *, is_admin: bool = False) -> UserId:
    """Create a user without a password."""
    made = users.insert(
        connection,
        username=name,
        display_name=name.title(),
        password_hash=None,
        is_admin=is_admin,
        at=START,
    )
    return made.id


async def index_messages(database: Database) -> None:
    """Complete the search index, as the server's task does."""
    if not database.shared:
        await database.write(lambda c: search_backlog.index(c, search_backlog.find(c)))
        return
    while await database.write(lambda c: search_pending.index_next(c, 100, wait=True)):
        pass


class LogEnv:
    """A database, its users by name, and the time."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.users: dict[str, UserId] = {}
        self.now = START

    async def add_users(self, *names: str) -> None:
        def work(connection: DbConnection) -> None:
            for name in names:
                self.users[name] = insert_user(connection, name)

        await self.database.write(work)

    async def commit(self, *appends: Append) -> Sequence[Committed]:
        """Append in one batch; fail if any is refused."""
        outcomes = (await self.database.write(lambda c: commit(c, appends))).outcomes
        committed = [outcome for outcome in outcomes if isinstance(outcome, Committed)]
        assert len(committed) == len(outcomes), outcomes
        return committed

    async def append(
        self, kind: type[Append], by: str | None, /, room: RoomId = GENERAL, **fields: Any
    ) -> Committed:
        """Append in a batch of its own; ``by`` None: the operator."""
        user = None if by is None else self.users[by]
        [committed] = await self.commit(kind(room=room, by=user, at=self.now, **fields))
        return committed

    async def join(self, *names: str) -> None:
        for name in names:
            await self.append(Join, name)

    async def send(self, by: str, text: str, room: RoomId = GENERAL, **fields: Any) -> int:
        """Send a message, and return its seq."""
        return (await self.append(Send, by, room, text=text, **fields)).seq or 0

    async def create_room(self, name: str, kind: Kind = Kind.PUBLIC, by: str = "ana") -> RoomId:
        made = await self.append(CreateRoom, by, NO_ROOM, name=name, title=name.title(), kind=kind)
        return made.room

    async def read(self, work: Callable[[DbConnection], T]) -> T:
        return await self.database.read(work)
