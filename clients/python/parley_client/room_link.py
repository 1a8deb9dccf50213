"""What a room needs of the client that it belongs to."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .room import Room


class RoomLink(Protocol):
    """The client, as its rooms see it."""

    def write(self, frame: Mapping[str, Any]) -> bool:
        """Write a frame on the present connection; False: there is none."""

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call back, unless the connection ends before."""

    def forget(self, room: "Room") -> None:
        """The room is left, or has ended."""
