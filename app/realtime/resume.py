"""Where a client resumes a room from, and whether it can."""

from dataclasses import dataclass

from ..domain.views import RoomView


@dataclass(slots=True, frozen=True)
class ResumeRequest:
    """What a client asks for when it joins a room."""

    since: int | None = None
    """The last ``seq`` that it applied; None for the newest messages."""
    limit: int | None = None
    """With ``since``, how many events it accepts; without, how many messages it wants."""
    epoch: str | None = None
    """The history that its ``since`` belongs to."""
    re: str | None = None
    """The id of its request."""

    def reset_reason(self, view: RoomView, epoch: str) -> str | None:
        """Why the client has to start anew; None if it can resume."""
        if self.epoch is not None and self.epoch != epoch:
            return "epoch"
        if self.since is None:
            return None
        if self.since > view.head:
            return "ahead"
        if self.since < view.first - 1:
            return "gone"
        if self.limit is not None and view.head - self.since > self.limit:
            return "gap"
        return None
