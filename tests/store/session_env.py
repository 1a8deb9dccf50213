"""A database with log-ins, and their refresh tokens by number."""

from sqlalchemy import select

from app.domain.ids import Millis, SessionId, UserId
from app.store import refresh_tokens, sessions
from app.store.database import Database, DbConnection
from app.store.refresh_tokens import RefreshResult
from app.store.tables import refresh_tokens as tokens_table
from app.store.tables import revocations
from tests.store.log_env import insert_user

NOW = Millis(1_795_000_000_000)
LATER = Millis(NOW + 1_000)
DAY = 24 * 60 * 60 * 1000


def code_hash(n: int) -> bytes:
    """The hash of the token number ``n``."""
    return n.to_bytes(32, "big")


def log_in(connection: DbConnection, user: UserId, n: int, *, days: int = 30) -> SessionId:
    """Create a log-in whose first refresh token is number ``n``."""
    return sessions.insert(
        connection,
        user=user,
        label=f"device {n}",
        at=NOW,
        expires_at=Millis(NOW + days * DAY),
        refresh_hash=code_hash(n),
    )


class SessionEnv:
    """A database with the user alice."""

    alice = UserId(0)

    def __init__(self, database: Database) -> None:
        self.database = database

    async def add_user(self, name: str) -> UserId:
        return await self.database.write(lambda c: insert_user(c, name, is_admin=True))

    async def log_in(self, n: int, *, user: UserId | None = None, days: int = 30) -> SessionId:
        return await self.database.write(lambda c: log_in(c, user or self.alice, n, days=days))

    async def rotate(self, old: int, new: int, at: Millis) -> RefreshResult:
        return await self.database.write(
            lambda c: refresh_tokens.rotate(c, code_hash(old), code_hash(new), at)
        )

    async def end(self, *ended: SessionId, user: UserId | None = None, at: Millis = NOW):
        return await self.database.write(lambda c: sessions.end(c, user or self.alice, ended, at))

    async def owners(self, *wanted: SessionId):
        return await self.database.read(lambda c: sessions.owners(c, wanted))

    async def revoked(self) -> list[tuple[int, int | None]]:
        """User and log-in of each revocation."""
        columns = (revocations.c.user_id, revocations.c.session_id)
        statement = select(*columns).order_by(revocations.c.id)
        return await self.database.read(lambda c: [tuple(row) for row in c.execute(statement)])

    async def tokens_left(self) -> int:
        return await self.database.read(lambda c: len(c.execute(select(tokens_table)).all()))


async def open_session_env(database: Database) -> SessionEnv:
    """An environment with its user."""
    env = SessionEnv(database)
    env.alice = await env.add_user("alice")
    return env
