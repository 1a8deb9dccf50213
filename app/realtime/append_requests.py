"""
What a client asks to append to a room's log, as the log takes it.

Every one carries the request's ``id`` as its idempotency key: the log recognises a retry by it.
"""

from collections.abc import Callable, Collection

from ..domain import appends
from ..domain.ids import Millis, RoomId, UserId
from ..domain.mentions import mention_fields
from ..wire import requests

AppendRequest = requests.Send | requests.Edit | requests.Delete | requests.React | requests.Pin


def to_append(
    request: AppendRequest,
    room: RoomId,
    by: UserId,
    at: Millis,
    present: Callable[[RoomId], Collection[UserId]],
) -> appends.Append:
    """
    The append that ``request`` asks for.

    Args:
        present: Who is in a room now. Called if the text may mention them.

    """
    match request:
        case requests.Send():
            return appends.Send(
                room=room,
                by=by,
                at=at,
                client_id=request.id,
                text=request.text,
                reply_to=request.reply_to,
                data=request.data,
                **mention_fields(request.text, lambda: present(room)),
            )
        case requests.Edit(ref=ref, text=text):
            return appends.Edit(
                room=room,
                by=by,
                at=at,
                client_id=request.id,
                ref=ref,
                text=text,
                **mention_fields(text, lambda: present(room)),
            )
        case requests.Delete(ref=ref):
            return appends.Delete(room=room, by=by, at=at, client_id=request.id, ref=ref)
        case requests.React(ref=ref, emoji=emoji, on=on):
            return appends.React(
                room=room, by=by, at=at, client_id=request.id, ref=ref, emoji=emoji, on=on
            )
        case requests.Pin(ref=ref, on=on):
            return appends.Pin(room=room, by=by, at=at, client_id=request.id, ref=ref, on=on)
