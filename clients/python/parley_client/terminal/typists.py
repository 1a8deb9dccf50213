"""Who types in the room on the screen."""

import time

# The server renews nothing: a typing indicator lasts 6 s.
_SECONDS = 6.0


class Typists:
    """Usernames, until they stop or their time is over."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def set(self, user: str, *, on: bool) -> None:
        """A user types, or has stopped."""
        if on:
            self._until[user] = time.monotonic() + _SECONDS
        else:
            self._until.pop(user, None)

    def clear(self) -> None:
        """Another room is on the screen."""
        self._until.clear()

    def line(self) -> str:
        """Who types now, or nothing."""
        now = time.monotonic()
        self._until = {user: until for user, until in self._until.items() if until > now}
        return f"{', '.join(self._until)} typing…" if self._until else ""
