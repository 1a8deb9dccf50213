"""Blocking users. A blocked user can neither open nor post in a direct room with the blocker."""

from collections.abc import Callable, Sequence

from ...domain import names
from ...domain.errors import Conflict
from ...domain.ids import Millis, UserId
from ...store import blocks, users
from ...store.blocks import Block
from ...store.database import Database, DbConnection


class Blocks:
    """The users that a user has blocked. Blocked users are not notified."""

    def __init__(self, database: Database, now: Callable[[], Millis]) -> None:
        self._database = database
        self._now = now

    async def page(self, me: UserId, *, after: str = "", limit: int) -> Sequence[Block]:
        """The users that ``me`` has blocked, in order of name, after the name ``after``."""
        return await self._database.read(lambda c: blocks.page(c, me, after=after, limit=limit))

    async def block(self, me: UserId, username: str) -> Block:
        """
        Block a user. Idempotent.

        Raises:
            UserNotFound: If there is no such user.
            Conflict: If the user is the caller.

        """
        name, at = names.username(username), self._now()

        def work(connection: DbConnection) -> Block:
            user = users.known(connection, name)
            if user.id == me:
                raise Conflict("You can't block yourself.")
            return blocks.put(connection, me, user.id, at)

        return await self._database.write(work)

    async def unblock(self, me: UserId, username: str) -> None:
        """
        Unblock a user. Idempotent.

        Raises:
            UserNotFound: If there is no such user.

        """
        name = names.username(username)

        def work(connection: DbConnection) -> None:
            blocks.drop(connection, me, users.known(connection, name).id)

        await self._database.write(work)
