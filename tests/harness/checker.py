"""
The invariants that hold under every fault, checked against what is on disk.

    I1  no acknowledged message is lost
    I2  no event was broadcast that is not on disk
    I3  no two messages of one sender have the same id
    I4  a room's seqs are 1, 2, 3, … without a gap
    I5  each listener received strictly the next seq, starting at its cursor
    I6  every listener received the same content for a seq
    I7  a message has the author and the text that were sent
    I8  an unacknowledged message is stored at most once; a retry gets the first result

Clients record what they sent, which acknowledgements they got and what they received.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple


class Stored(NamedTuple):
    """A message on disk."""

    seq: int
    by: str
    text: str | None
    client_id: str | None


class History:
    """What the clients of one room recorded."""

    def __init__(self) -> None:
        self.sent: dict[str, tuple[str, str]] = {}
        """By id: the sender and the text."""
        self.acked: dict[str, list[dict[str, Any]]] = defaultdict(list)
        """By id: every acknowledgement."""
        self.heard: dict[str, list[dict[str, Any]]] = defaultdict(list)
        """By listener: every event, in order."""

    def violations(self, stored: Sequence[Stored], head: int, numbers: Sequence[int]) -> list[str]:
        """
        Describe the invariants that are violated; empty if all hold.

        Args:
            stored: The room's messages.
            numbers: The seqs of all its events, in order.

        """
        return [
            *self._of_the_log(stored, head, numbers),
            *self._of_answers({m.client_id: m for m in stored if m.client_id}),
            *self._of_listeners({m.seq: m for m in stored}, head),
        ]

    def _of_the_log(
        self, stored: Sequence[Stored], head: int, numbers: Sequence[int]
    ) -> list[str]:
        found = []
        times = Counter((m.by, m.client_id) for m in stored if m.client_id)
        found += [f"I3 {key} is stored {n} times" for key, n in times.items() if n > 1]
        if list(numbers) != list(range(1, head + 1)):
            found.append(f"I4 the seqs up to {head} have a gap")
        return found

    def _of_answers(self, by_id: dict[str, Stored]) -> list[str]:
        found = []
        for id, acks in self.acked.items():
            message = by_id.get(id)
            if message is None:
                found.append(f"I1 {id} was acknowledged and is not stored")
                continue
            if {ack["seq"] for ack in acks} != {message.seq}:
                found.append(f"I8 {id} is {message.seq} and was acknowledged as {acks}")
            if sum(not ack.get("duplicate") for ack in acks) > 1:
                found.append(f"I8 {id} was new more than once: {acks}")
        for id, message in by_id.items():
            if id in self.sent and (message.by, message.text) != self.sent[id]:
                found.append(f"I7 {id} was {self.sent[id]} and is {message}")
        return found

    def _of_listeners(self, by_seq: dict[int, Stored], head: int) -> list[str]:
        found = []
        for name, events in self.heard.items():
            seqs = [event["seq"] for event in events]
            if seqs != list(range(1, head + 1)):
                found.append(f"I5 {name} received {len(seqs)} of {head} events, or not in order")
            for event in events:
                if event["type"] != "message.created":
                    continue
                message = by_seq.get(event["seq"])
                if message is None:
                    found.append(f"I2 {name} received {event}, which is not stored")
                elif (event["by"], event["text"]) != (message.by, message.text):
                    found.append(f"I6 {name} received {event}, but {message} is stored")
        return found
