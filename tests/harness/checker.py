"""
The invariants that hold whatever happens, checked against what is on disk.

    I1  no acknowledged message is lost
    I2  nothing was broadcast that is not there
    I3  no two events of one sender have one id
    I4  a room's numbers are 1, 2, 3, … without a hole
    I5  each listener heard strictly the next number, from its cursor on
    I6  all listeners agree on what a number says
    I7  the author is who sent it
    I8  what was not acknowledged is there once or not at all; a retry gets the first answer

Clients write down what they sent, what they were answered and what they heard.
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
    """What all clients of one room have seen."""

    def __init__(self) -> None:
        self.sent: dict[str, tuple[str, str]] = {}
        """By id: who sent it, and what."""
        self.acked: dict[str, list[dict[str, Any]]] = defaultdict(list)
        """By id: every acknowledgement."""
        self.heard: dict[str, list[dict[str, Any]]] = defaultdict(list)
        """By listener: every event, in order."""

    def violations(self, stored: Sequence[Stored], head: int, numbers: Sequence[int]) -> list[str]:
        """
        What does not hold; empty if all is well.

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
        found += [f"I3 {key} is there {n} times" for key, n in times.items() if n > 1]
        if list(numbers) != list(range(1, head + 1)):
            found.append(f"I4 the numbers up to {head} have a hole")
        return found

    def _of_answers(self, by_id: dict[str, Stored]) -> list[str]:
        found = []
        for id, acks in self.acked.items():
            message = by_id.get(id)
            if message is None:
                found.append(f"I1 {id} was acknowledged and is lost")
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
                found.append(f"I5 {name} heard {len(seqs)} of {head} events, or not in order")
            for event in events:
                if event["type"] != "message.created":
                    continue
                message = by_seq.get(event["seq"])
                if message is None:
                    found.append(f"I2 {name} heard {event}, which is not there")
                elif (event["by"], event["text"]) != (message.by, message.text):
                    found.append(f"I6 {name} heard {event}, and {message} is there")
        return found
