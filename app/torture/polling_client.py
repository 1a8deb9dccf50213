"""A client without a socket: it reads a room's log page by page, and sends by POST."""

import asyncio
from random import Random

import httpx2

from .api_client import Account, RequestRefused, TortureError, error_code
from .findings import Promise
from .history import History
from .pending_requests import RETRYABLE_CODES
from .request_generator import PendingRequest, RequestGenerator
from .subscription import Subscription

_PAUSE_SECONDS = 0.5
_MAX_PAGE_EVENTS = 300
# Long-poll time of a request for events that don't exist yet.
_WAIT_SECONDS = 2
# Percentage of rounds that send a message.
_SEND_PERCENT = 25


class PollingClient:
    """One simulated HTTP client, in one room, with at most one open request."""

    def __init__(
        self, name: str, account: Account, room: str, history: History, rng: Random
    ) -> None:
        self.name = name
        self.subscriptions = {room: Subscription(history, room, name)}
        self._account = account
        self._room = room
        self._history = history
        self._rng = rng
        self._generator = RequestGenerator(history, account.name, self.subscriptions, rng)
        self._open: PendingRequest | None = None
        self._winding_down = False

    @property
    def settled(self) -> bool:
        """Whether every request is answered and the log is read to its end."""
        return self._open is None and self.subscriptions[self._room].caught_up

    def wind_down(self) -> None:
        """Stop making requests; only finish the pending one."""
        self._winding_down = True

    async def run(self) -> None:
        """Read and send until cancelled, or until the server refuses the client for good."""
        try:
            while True:
                await self._read()
                idle = self._open is None and not self._winding_down
                if idle and self._rng.randrange(100) < _SEND_PERCENT:
                    self._open = self._generator.next_message()
                if self._open is not None:
                    await self._send_once(self._open)
                await asyncio.sleep(self._rng.uniform(0, _PAUSE_SECONDS))
        except TortureError as exc:
            self._history.findings.add(Promise.SETTLED, "", f"{self.name} stopped: {exc}")

    async def _read(self) -> None:
        subscription = self.subscriptions[self._room]
        since = subscription.cursor or 0
        parameters = {"limit": self._rng.randint(1, _MAX_PAGE_EVENTS)}
        if self._rng.random() < 0.3 and not self._winding_down:
            parameters["wait"] = _WAIT_SECONDS
        try:
            page = await self._account.read_page(self._room, since, **parameters)
        except RequestRefused as exc:
            if exc.code not in ("conflict", "gone"):
                raise TortureError(f"could not read the log: {exc}") from None
            subscription.on_reset(exc.code, None)
            return
        subscription.on_page(since, page["events"], page["head"])

    async def _send_once(self, request: PendingRequest) -> None:
        """Try once. Every try of a request has the same idempotency key."""
        tried_before, request.sent_at = request.sent_at is not None, 0.0
        if tried_before:
            self._history.counts["retried"] += 1
        path, token = f"/rooms/{self._room}/messages", self._account.token
        try:
            body = {"text": request.body["text"]}
            answer = await self._account.post_once(path, body, request.id)
        except httpx2.TransportError:
            return
        if answer.status_code == 401:
            await self._account.renew(token, log_in=error_code(answer) != "token_expired")
        elif answer.is_success:
            # 200 instead of 201: an earlier try was stored already.
            duplicate = answer.status_code == 200
            self._history.record_ack(request.id, answer.json()["seq"], duplicate=duplicate)
            self._open = None
        elif answer.status_code in (403, 409):
            if error_code(answer) == "forbidden":
                # Sending needs membership, which reading a public room's log does not give.
                path = f"/rooms/{self._room}/members/{self._account.name}"
                await self._account.request("PUT", path)
                return
            self._history.record_refusal(request.id, error_code(answer) or "?")
            self._open = None
        elif error_code(answer) not in RETRYABLE_CODES and answer.status_code < 500:
            raise TortureError(f"a message was answered with status {answer.status_code}")
