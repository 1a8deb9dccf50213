"""Where nodes tell each other how much of each user's send rate is used: the contract."""

from collections.abc import Mapping
from typing import Protocol

from ..domain.ids import UserId


class SendRates(Protocol):
    """One token bucket per user for all nodes. Used in the event loop; safe to cancel."""

    async def spend(self, spent: Mapping[UserId, int]) -> Mapping[UserId, float]:
        """
        Report what users have sent on this node since the report before.

        Returns:
            How many tokens each of them has left on all nodes; negative if it was too much.

        Raises:
            Unavailable: If there is no answer in time; what was counted then is unknown.

        """

    async def close(self) -> None:
        """Close the connections. Idempotent."""
