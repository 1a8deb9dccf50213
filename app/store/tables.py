"""
The tables: one metadata for SQLite and PostgreSQL.

Times are milliseconds since 1970 (UTC). ``events`` is the log and the truth; ``reactions``
and ``mentions`` are kept for speed and can be rebuilt from it. A change here needs a migration.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

# Imported so that one metadata has all tables, whoever imports this.
from . import node_tables as node_tables
from .metadata import Key
from .metadata import metadata as metadata

users = Table(
    "users",
    metadata,
    Column("id", Key, primary_key=True),
    # Always lower-case, so that names are unique regardless of case.
    Column("username", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    # Null: no log-in with a password (a host product logs this user in).
    Column("password_hash", Text),
    # Whether the hash is of the normalised password. Earlier versions hashed what was typed.
    Column("password_normalized", Boolean, nullable=False, server_default=text("false")),
    Column("is_admin", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("erased_at", BigInteger),
    # ``blank`` or ``keep`` while the account is being erased: what happens to its messages.
    Column("erasing", Text),
    Index(
        "ix_users_erasing",
        "erasing",
        sqlite_where=text("erasing IS NOT NULL"),
        postgresql_where=text("erasing IS NOT NULL"),
    ),
)

# The words of display names, by which users are found: see ``user_words``.
user_words = Table(
    "user_words",
    metadata,
    # Compared byte by byte, so that a prefix is a range of the key.
    Column("word", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True),
    Column("user_id", Key, ForeignKey("users.id"), primary_key=True, index=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Key, primary_key=True),
    Column("user_id", Key, ForeignKey("users.id"), nullable=False, index=True),
    # From the user agent; shown in the list of log-ins.
    Column("label", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    # Absolute: refreshing does not extend it.
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    # SHA-256 of the token. It has 256 random bits: a slow hash would add nothing.
    Column("hash", LargeBinary, primary_key=True),
    Column("session_id", Key, ForeignKey("sessions.id"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("spent_at", BigInteger),
)

revocations = Table(
    "revocations",
    metadata,
    Column("id", Key, primary_key=True),
    Column("user_id", Key, nullable=False),
    # Null: every log-in of the user.
    Column("session_id", Key),
    Column("at", BigInteger, nullable=False),
)

rooms = Table(
    "rooms",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # In direct rooms both user ids, the lower first, so that two users share one room.
    Column("direct_key", Text, unique=True),
    # Seq of the last event, and of the oldest one that is kept.
    Column("head", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("slow_mode_seconds", Integer, nullable=False, server_default=text("0")),
    Column("created_at", BigInteger, nullable=False),
    Column("archived_at", BigInteger),
    # The lowest role that may mention the whole room, and when its allowance is full again.
    Column("room_mention_role", Text, nullable=False, server_default=text("'moderator'")),
    Column("room_mentions_full_at", BigInteger, nullable=False, server_default=text("0")),
    # Older events, or all but so many, are removed. Null: no limit.
    Column("retention_days", BigInteger),
    Column("retention_events", BigInteger),
    # Whether pinned messages stay when their events are removed: see app/store/retention.py.
    Column("retention_keep_pinned", Boolean, nullable=False, server_default=text("true")),
)

members = Table(
    "members",
    metadata,
    Column("room_id", Key, ForeignKey("rooms.id"), primary_key=True),
    Column("user_id", Key, ForeignKey("users.id"), primary_key=True, index=True),
    # Null: not a member now. The row keeps the ban and the read marker.
    Column("role", Text),
    Column("joined_at", BigInteger),
    Column("banned_until", BigInteger),
    Column("muted_until", BigInteger),
    Column("read_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("last_sent_at", BigInteger),
    # The own marker, if before `read_seq`, which others see; and how often it was placed.
    Column("own_read_seq", BigInteger),
    Column("own_read_moves", BigInteger, nullable=False, server_default=text("0")),
    # "all", "mentions" or "none"; null: what the kind of room implies.
    Column("notifications", Text),
)

events = Table(
    "events",
    metadata,
    # room_id << 32 | seq. No foreign keys: only the committer inserts here, and it has read
    # the room and the user in the same transaction.
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("room_id", Key, nullable=False),
    Column("type", Text, nullable=False),
    Column("by", Key),
    Column("at", BigInteger, nullable=False),
    Column("ref", BigInteger),
    # The original text. Deleting the message blanks it; nothing else changes it.
    Column("text", Text),
    # JSON, with user ids and never names.
    Column("data", Text),
    Column("client_id", Text),
    # The present state of a message.
    Column("edited_text", Text),
    Column("edited_at", BigInteger),
    Column("deleted_at", BigInteger),
    Column("pinned_at", BigInteger),
    # Of all of the row, on SQLite: see ``event_checksum``. Null in older rows.
    Column("checksum", BigInteger),
    Index(
        "uq_events_client_id",
        "room_id",
        "by",
        "client_id",
        unique=True,
        sqlite_where=text("client_id IS NOT NULL"),
        postgresql_where=text("client_id IS NOT NULL"),
    ),
    # Pages of messages, and unread counts from the index alone. For these SQLite needs the type
    # in the index, though it is the same in every entry.
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
    Column("event_id", Key, primary_key=True, autoincrement=False),
    Column("emoji", Text, primary_key=True),
    Column("user_id", Key, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
)

mentions = Table(
    "mentions",
    metadata,
    # EVERYONE: all members of the room.
    Column("user_id", Key, primary_key=True, autoincrement=False),
    # By user for unread counts, by message for pages of messages.
    Column("event_id", Key, primary_key=True, autoincrement=False, index=True),
    # Of EVERYONE: null, or only those who were present; see app/store/mentioned_present.py. No
    # event has it.
    Column("among", Text),
)

invites = Table(
    "invites",
    metadata,
    Column("id", Key, primary_key=True),
    Column("room_id", Key, ForeignKey("rooms.id"), nullable=False, index=True),
    Column("code_hash", LargeBinary, nullable=False, unique=True),
    Column("created_by", Key, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("max_uses", Integer),
    Column("uses", Integer, nullable=False, server_default=text("0")),
    Column("revoked_at", BigInteger),
)

blocks = Table(
    "blocks",
    metadata,
    Column("user_id", Key, ForeignKey("users.id"), primary_key=True),
    Column("blocked_id", Key, ForeignKey("users.id"), primary_key=True, index=True),
    Column("at", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Key, primary_key=True),
    Column("at", BigInteger, nullable=False),
    # Null: the operator, from the command line.
    Column("by", Key),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("data", Text),
)

# See app/store/erased_names.py.
erased_names = Table("erased_names", metadata, Column("hash", Text, primary_key=True))

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
