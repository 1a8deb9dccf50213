"""How long a worker has said nothing: a frozen process, or a blocked event loop, says nothing."""

from ..domain.server_limits import WORKER_SILENT_BEATS


class Silence:
    """
    Counts the supervisor's beats since the worker's last word. Has no clock.

    Counted, not timed: while the machine sleeps, or the supervisor itself gets no time, there are
    no beats, and what workers have said meanwhile is read between the next two.
    """

    def __init__(self, most: int = WORKER_SILENT_BEATS) -> None:
        self._most = most
        # None: it has not said anything yet, because it is still starting.
        self._beats: int | None = None

    def heard(self) -> None:
        """Note that the worker has said something."""
        self._beats = 0

    def beat(self) -> bool:
        """Note that a beat has passed; return whether the worker has been silent for too long."""
        if self._beats is None:
            return False
        self._beats += 1
        return self._beats >= self._most
