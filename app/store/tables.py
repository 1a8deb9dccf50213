"""
The tables: one metadata for SQLite and PostgreSQL.

Moments are milliseconds since 1970 (UTC). ``events`` is the log and the truth; ``reactions``
and ``mentions`` are kept for speed and can be made again from it.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite makes a column its rowid, and so clusters the table by it, only when it is INTEGER.
_Key = BigInteger().with_variant(Integer, "sqlite")

users = Table(
    "users",
    metadata,
    Column("id", _Key, primary_key=True),
    # Lower-case always, so that unique means unique without case.
    Column("username", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    # Null: this user can't log in with a password (a host product logs them in).
    Column("password_hash", Text),
    Column("is_admin", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("erased_at", BigInteger),
    # While the account is being erased: whether its messages are to be blanked or kept.
    Column("erasing", Text),
    Index(
        "ix_users_erasing",
        "erasing",
        sqlite_where=text("erasing IS NOT NULL"),
        postgresql_where=text("erasing IS NOT NULL"),
    ),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("user_id", _Key, ForeignKey("users.id"), nullable=False, index=True),
    # From the user agent, for the list of one's log-ins.
    Column("label", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    # Absolute: refreshing does not move it.
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    # SHA-256 of the token: it has 256 random bits, so that a slow hash would add nothing.
    Column("hash", LargeBinary, primary_key=True),
    Column("session_id", _Key, ForeignKey("sessions.id"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("spent_at", BigInteger),
)

revocations = Table(
    "revocations",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("user_id", _Key, nullable=False),
    # Null: every log-in of the user.
    Column("session_id", _Key),
    Column("at", BigInteger, nullable=False),
)

rooms = Table(
    "rooms",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # Of a direct room: both user ids, the lower first, so that two users have one.
    Column("direct_key", Text, unique=True),
    # Seq of the last event, and of the oldest that is still kept.
    Column("head", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("slow_mode_seconds", Integer, nullable=False, server_default=text("0")),
    Column("created_at", BigInteger, nullable=False),
    Column("archived_at", BigInteger),
    # Events that are older, or of which there are so many newer ones, are removed. Null: none.
    Column("retention_days", BigInteger),
    Column("retention_events", BigInteger),
)

members = Table(
    "members",
    metadata,
    Column("room_id", _Key, ForeignKey("rooms.id"), primary_key=True),
    Column("user_id", _Key, ForeignKey("users.id"), primary_key=True, index=True),
    # Null: not a member now; the row keeps the ban and how far they had read.
    Column("role", Text),
    Column("joined_at", BigInteger),
    Column("banned_until", BigInteger),
    Column("muted_until", BigInteger),
    Column("read_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("last_sent_at", BigInteger),
)

events = Table(
    "events",
    metadata,
    # room_id << 32 | seq. No foreign keys: the committer, which alone writes here, has
    # read the room and the user in the same transaction.
    Column("id", _Key, primary_key=True, autoincrement=False),
    Column("room_id", _Key, nullable=False),
    Column("type", Text, nullable=False),
    Column("by", _Key),
    Column("at", BigInteger, nullable=False),
    Column("ref", BigInteger),
    # What was said. Never changes, except that deleting blanks it.
    Column("text", Text),
    # JSON; ids in it, never names.
    Column("data", Text),
    Column("client_id", Text),
    # Of messages: how they are now.
    Column("edited_text", Text),
    Column("edited_at", BigInteger),
    Column("deleted_at", BigInteger),
    Column("pinned_at", BigInteger),
    Index(
        "uq_events_client_id",
        "room_id",
        "by",
        "client_id",
        unique=True,
        sqlite_where=text("client_id IS NOT NULL"),
        postgresql_where=text("client_id IS NOT NULL"),
    ),
    # Pages of messages, and unread counts without touching the table: for that SQLite needs
    # the type in it, though every entry has the same.
    Index(
        "ix_events_messages",
        "id",
        "by",
        "deleted_at",
        "type",
        sqlite_where=text("type = 'message.created'"),
        postgresql_where=text("type = 'message.created'"),
    ),
    # Replies and edits of a message.
    Index(
        "ix_events_ref",
        "room_id",
        "ref",
        sqlite_where=text("ref IS NOT NULL"),
        postgresql_where=text("ref IS NOT NULL"),
    ),
    Index(
        "ix_events_pinned",
        "id",
        sqlite_where=text("pinned_at IS NOT NULL"),
        postgresql_where=text("pinned_at IS NOT NULL"),
    ),
)

reactions = Table(
    "reactions",
    metadata,
    Column("event_id", _Key, primary_key=True, autoincrement=False),
    Column("emoji", Text, primary_key=True),
    Column("user_id", _Key, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
)

mentions = Table(
    "mentions",
    metadata,
    Column("user_id", _Key, primary_key=True, autoincrement=False),
    # By user for unread counts, by message for a page of them.
    Column("event_id", _Key, primary_key=True, autoincrement=False, index=True),
)

invites = Table(
    "invites",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("room_id", _Key, ForeignKey("rooms.id"), nullable=False, index=True),
    Column("code_hash", LargeBinary, nullable=False, unique=True),
    Column("created_by", _Key, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("max_uses", Integer),
    Column("uses", Integer, nullable=False, server_default=text("0")),
    Column("revoked_at", BigInteger),
)

blocks = Table(
    "blocks",
    metadata,
    Column("user_id", _Key, ForeignKey("users.id"), primary_key=True),
    Column("blocked_id", _Key, ForeignKey("users.id"), primary_key=True, index=True),
    Column("at", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("at", BigInteger, nullable=False),
    # Null: the operator, from the command line.
    Column("by", _Key),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("data", Text),
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
