"""One client without a socket: it reads a room's log page by page, and speaks by POST."""

import asyncio
from random import Random

import httpx2

from app.torture.findings import Promise
from app.torture.history import History
from app.torture.subscription import Subscription
from app.torture.api_client import Account, RequestRefused, TortureError, code
from app.torture.request_generator import PendingRequest, RequestGenerator
from app.torture.pending_requests import RETRYABLE_CODES

_PAUSE_SECONDS = 0.5
_LONGEST_PAGE = 300
# Seconds that a request for what is not there yet may wait for it.
_WAIT_SECONDS = 2
# Of a hundred rounds, so many say something.
_SEND_PERCENT = 25


class PollingClient:
    """Somebody's script."""

    def __init__(
        self, name: str, member: Account, room: str, history: History, rng: Random
    ) -> None:
        self.name = name
        self.subscriptions = {room: Subscription(history, room, name)}
        self._member = member
        self._room = room
        self._history = history
        self._rng = rng
        self._generator = RequestGenerator(history, member.name, self.subscriptions, rng)
        self._open: PendingRequest | None = None
        self._winding_down = False

    @property
    def settled(self) -> bool:
        """Whether everything is answered, and the log is read to its end."""
        return self._open is None and self.subscriptions[self._room].caught_up

    def wind_down(self) -> None:
        """Nothing new: only what is still open."""
        self._winding_down = True

    async def run(self) -> None:
        """Until cancelled, or until the server says that it is not welcome."""
        try:
            while True:
                await self._read()
                if self._open is None and not self._winding_down and self._rng.randrange(100) < _SEND_PERCENT:
                    self._open = self._generator.message()
                if self._open is not None:
                    await self._speak(self._open)
                await asyncio.sleep(self._rng.uniform(0, _PAUSE_SECONDS))
        except TortureError as exc:
            self._history.findings.add(Promise.SETTLED, "", f"{self.name} stopped: {exc}")

    async def _read(self) -> None:
        listener = self.subscriptions[self._room]
        since = listener.cursor or 0
        how = {"limit": self._rng.randint(1, _LONGEST_PAGE)}
        if self._rng.random() < 0.3 and not self._winding_down:
            how["wait"] = _WAIT_SECONDS
        try:
            page = await self._member.events(self._room, since, **how)
        except RequestRefused as exc:
            if exc.code not in ("conflict", "gone"):
                raise TortureError(f"the log can't be read: {exc}") from None
            listener.on_reset(exc.code, None)
            return
        listener.reads(since, page["events"], page["head"])

    async def _speak(self, asked: PendingRequest) -> None:
        """Try once. The same key is used until there is an answer."""
        tried_before, asked.sent_at = asked.sent_at is not None, 0.0
        if tried_before:
            self._history.counts["retried"] += 1
        path, token = f"/rooms/{self._room}/messages", self._member.token
        try:
            answer = await self._member.post(path, {"text": asked.body["text"]}, asked.id)
        except httpx2.TransportError:
            return
        if answer.status_code == 401:
            await self._member.renew(token, log_in=code(answer) != "token_expired")
        elif answer.is_success:
            # 200 says that it was there already.
            duplicate = answer.status_code == 200
            self._history.answers(asked.id, answer.json()["seq"], duplicate=duplicate)
            self._open = None
        elif answer.status_code in (403, 409):
            if code(answer) == "forbidden":
                # Writing needs membership, and a script joins nothing by listening.
                await self._member.ask("PUT", f"/rooms/{self._room}/members/{self._member.name}")
                return
            self._history.record_refusal(asked.id, code(answer) or "?")
            self._open = None
        elif code(answer) not in RETRYABLE_CODES and answer.status_code < 500:
            raise TortureError(f"a message was answered with status {answer.status_code}")
