"""
Decide what an append changes, or why it is refused, against the working set of its batch.

The order is the same for every request:

    idempotency     a retry returns its first result, whatever has changed since
    authorization   may this user do this, in this room, now
    content         does the message exist, does anything change

:func:`decide` does the first step; the function of each request (in :mod:`decide_messages`,
:mod:`decide_members` and :mod:`decide_rooms`) does the other two.
"""

from collections.abc import Callable
from typing import Any

from . import decide_members, decide_messages, decide_rooms
from .appends import (
    Admit,
    AnnounceErasure,
    Append,
    Ban,
    Committed,
    CreateRoom,
    Delete,
    Edit,
    Join,
    Mute,
    OpenDirect,
    Pin,
    React,
    Remove,
    Send,
    UpdateRoom,
)
from .idempotency import first_result
from .working_set import WorkingSet

_DECIDE: dict[type[Append], Callable[[WorkingSet, Any], Committed]] = {
    Send: decide_messages.send,
    Edit: decide_messages.edit,
    Delete: decide_messages.delete,
    React: decide_messages.react,
    Pin: decide_messages.pin,
    Join: decide_members.join,
    Admit: decide_members.admit,
    Remove: decide_members.remove,
    AnnounceErasure: decide_members.announce_erasure,
    Ban: decide_members.ban,
    Mute: decide_members.mute,
    UpdateRoom: decide_rooms.update,
    CreateRoom: decide_rooms.create,
    OpenDirect: decide_rooms.open_direct,
}


def decide(working_set: WorkingSet, append: Append) -> Committed:
    """
    Apply ``append`` to the working set and return its result.

    Pure: no I/O, no clock. Later calls with the same working set see what this one changed.

    Raises:
        ParleyError: If the request is refused; the working set is then unchanged.

    """
    result = first_result(working_set, append)
    if result is not None:
        return result
    return _DECIDE[type(append)](working_set, append)
