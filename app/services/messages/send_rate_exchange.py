"""
Send rates over all nodes: tells the others what was sent here, and applies what was sent there.

No send waits for it. A user who sends on several nodes at once gets a burst on each before they
have heard of each other, and waits for longer afterwards.
"""

import asyncio
import logging
from itertools import islice

from ...broker.send_rates import SendRates
from ...domain.errors import Unavailable
from ...domain.limits import COUNTER_PAUSE_SECONDS, MAX_REPORTED_USERS, SHARED_RATE_SECONDS
from ...domain.token_bucket import UserTokenBuckets

log = logging.getLogger("parley.broker")


class SendRateExchange:
    """
    One task, which reports a few times a second. Used in the event loop.

    While the store doesn't answer, each node goes by what was sent on it.

    Args:
        buckets: Those of this node, which note what is spent.

    """

    def __init__(
        self,
        buckets: UserTokenBuckets,
        store: SendRates,
        *,
        report_seconds: float = SHARED_RATE_SECONDS,
        pause_seconds: float = COUNTER_PAUSE_SECONDS,
    ) -> None:
        self._buckets = buckets
        self._store = store
        self._report_seconds = report_seconds
        self._pause_seconds = pause_seconds

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            await asyncio.sleep(self._report_seconds)
            try:
                await self.report()
            except Exception as exc:  # whatever was raised, the task must go on
                error = str(exc.__cause__ or exc).partition("\n")[0] or type(exc).__name__
                # What is not the store's doing is a bug: with its traceback.
                bug = None if isinstance(exc, Unavailable) else exc
                log.warning("rates.failed", extra={"error": error}, exc_info=bug)
                await asyncio.sleep(self._pause_seconds)
                # The buckets of the store have filled up meanwhile, as have those of this node.
                self._buckets.take_spent()

    async def report(self) -> None:
        """
        Report what was spent since the last time, and lower the buckets to what is left.

        Raises:
            Unavailable: If the store doesn't answer.

        """
        spent = iter(self._buckets.take_spent().items())
        while some := dict(islice(spent, MAX_REPORTED_USERS)):
            levels = await self._store.spend(some)
            self._buckets.lower(levels, asyncio.get_running_loop().time())
