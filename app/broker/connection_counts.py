"""How many connections each user has on all nodes: the contract of what nodes share for that."""

from collections.abc import Mapping
from typing import Protocol

from ..domain.ids import UserId


class ConnectionCounts(Protocol):
    """Keeps the counts of each node until they expire. Used in the event loop; safe to cancel."""

    async def report(self, node: str, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        """
        Write how many connections users have on a node; 0 for those that have none any more.

        Returns:
            How many connections each of them has on the nodes that come before this one in the
            order of their names. So each node knows which ones are its own to close.

        Raises:
            Unavailable: If there is no answer in time; what was written then is unknown.

        """

    async def close(self) -> None:
        """Close the connections to the store. Idempotent."""
