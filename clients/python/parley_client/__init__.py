"""
A client of Parley, the self-hosted chat backend.

    async with Client("https://chat.example.org", "bot", password) as chat:
        async for event in chat.room("general"):
            if isinstance(event, MessageCreated) and event.text == "ping":
                await chat.send("general", "pong")

One connection for all rooms, which comes back by itself; nothing is missed and nothing is sent
twice. :class:`SyncClient` is the same without ``await``.
"""

from .client import Client
from .cursors import Cursor, CursorStore, FileCursors, MemoryCursors, SqliteCursors
from .errors import (
    BadRequest,
    Banned,
    Closed,
    Conflict,
    Forbidden,
    IdReused,
    Muted,
    NotAcknowledged,
    NotFound,
    ParleyError,
    RateLimited,
    Refused,
    RoomEnded,
    ServerError,
    TooManyConnections,
    Unauthorized,
    Unreachable,
)
from .events import (
    Event,
    MemberJoined,
    MemberLeft,
    MemberUpdated,
    MessageCreated,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
    MessageUnpinned,
    ReactionAdded,
    ReactionRemoved,
    Reset,
    RoomArchived,
    RoomCreated,
    RoomEvent,
    RoomReopened,
    RoomUpdated,
    UserErased,
)
from .limits import Limits
from .requests import Ack
from .room import Room
from .signals import Signal, Signals
from .sync import SyncClient, SyncRoom
from .token_file import TokenFile
from .tokens import Tokens, TokenStore

__all__ = [
    "Ack",
    "BadRequest",
    "Banned",
    "Client",
    "Closed",
    "Conflict",
    "Cursor",
    "CursorStore",
    "Event",
    "FileCursors",
    "Forbidden",
    "IdReused",
    "Limits",
    "MemberJoined",
    "MemberLeft",
    "MemberUpdated",
    "MemoryCursors",
    "MessageCreated",
    "MessageDeleted",
    "MessageEdited",
    "MessagePinned",
    "MessageUnpinned",
    "Muted",
    "NotAcknowledged",
    "NotFound",
    "ParleyError",
    "RateLimited",
    "ReactionAdded",
    "ReactionRemoved",
    "Refused",
    "Reset",
    "Room",
    "RoomArchived",
    "RoomCreated",
    "RoomEnded",
    "RoomEvent",
    "RoomReopened",
    "RoomUpdated",
    "ServerError",
    "Signal",
    "Signals",
    "SqliteCursors",
    "SyncClient",
    "SyncRoom",
    "TokenFile",
    "TokenStore",
    "Tokens",
    "TooManyConnections",
    "Unauthorized",
    "Unreachable",
    "UserErased",
]
