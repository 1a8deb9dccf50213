"""From where a client wants to hear a room, and whether it can carry on from there."""

from dataclasses import dataclass

from ..domain.views import RoomView


@dataclass(slots=True, frozen=True)
class ResumeRequest:
    """From where a client wants to hear a room. ``re`` is the id of its request."""

    since: int | None = None
    limit: int | None = None
    epoch: str | None = None
    re: str | None = None

    def reset_reason(self, view: RoomView, epoch: str) -> str | None:
        """Why what the client holds can't be carried on from; None if it can."""
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
