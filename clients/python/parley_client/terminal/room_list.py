"""The rooms of a user, in the order in which they are shown, with what is unread."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.text import Text

from .text import printable


class RoomList:
    """Names, topics and unread counts."""

    def __init__(self, rooms: Iterable[Mapping[str, Any]]) -> None:
        self._labels: dict[str, str] = {}
        self._topics: dict[str, str | None] = {}
        self._unread: dict[str, int] = {}
        for each in rooms:
            name, other = each["name"], each.get("with")
            self._labels[name] = f"@{other}" if other else f"#{name}"
            self._topics[name] = None if other else each["title"]
            self._unread[name] = each.get("unread") or 0

    @property
    def names(self) -> list[str]:
        """The names of the rooms."""
        return list(self._labels)

    def add(self, name: str) -> None:
        """Add a room, if it is new."""
        self._labels.setdefault(name, f"#{name}")

    def remove(self, name: str) -> None:
        """Remove a room, if it is there."""
        self._labels.pop(name, None)

    def heading(self, name: str) -> Text:
        """What stands above the messages of a room."""
        text = Text(printable(self._labels.get(name, f"#{name}")), style="bold")
        if topic := self._topics.get(name):
            text.append(f"  {printable(topic)}", style="not bold dim")
        return text

    def set_unread(self, name: str, count: int) -> None:
        """How many messages of a room have not been looked at."""
        self._unread[name] = count

    def line(self, name: str, *, is_shown: bool) -> Text:
        """A room as a line of the list."""
        unread = self._unread.get(name, 0)
        text = Text(printable(self._labels[name]), style="bold" if unread or is_shown else "")
        if unread:
            # As the server counts.
            text.append(f" ({unread if unread < 100 else '99+'})")
        return text

    def after(self, name: str, step: int) -> str:
        """The room so many places further, around the end."""
        names = self.names
        return names[(names.index(name) + step) % len(names)] if name in names else names[0]
