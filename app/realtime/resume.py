"""From where a client wants to hear a room, and whether it can carry on from there."""

from dataclasses import dataclass

from app.domain.views import Standing


@dataclass(slots=True, frozen=True)
class Wish:
    """From where a client wants to hear a room. ``re`` is the id of its request."""

    since: int | None = None
    limit: int | None = None
    epoch: str | None = None
    re: str | None = None

    def why_useless(self, standing: Standing, epoch: str) -> str | None:
        """Why what the client holds can't be carried on from; None if it can."""
        if self.epoch is not None and self.epoch != epoch:
            return "epoch"
        if self.since is None:
            return None
        if self.since > standing.head:
            return "ahead"
        if self.since < standing.first - 1:
            return "gone"
        if self.limit is not None and standing.head - self.since > self.limit:
            return "gap"
        return None
