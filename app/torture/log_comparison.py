"""Compares a room's log, read whole from every node, with the history and with each other."""

from .api_client import Account
from .checker import Checker
from .findings import Promise
from .history import Frame, History, content_version, fixed_digest, format_event


async def compare_logs(account: Account, room: str, history: History) -> int:
    """
    Read the log of a room from every node, and compare; return how many events it has.

    Call it when nothing is written any more.

    Raises:
        TortureError: If a node can't be asked.

    """
    first, *others = (account.on(account.api.of_node(url)) for url in account.api.urls)
    head = await first.head(room)
    checker, seen = Checker(history, room), []
    async for event in first.read_log(room):
        checker.check(event)
        if others:
            seen.append(_digest(event))
    checker.finish()
    if checker.events != head:
        what = f"the log has {checker.events} events, and the head is {head}"
        history.findings.add(Promise.DENSE, room, what)
    for other in others:
        await _compare_with(seen, other, room, history)
    return checker.events


async def _compare_with(seen: list[bytes], node: Account, room: str, history: History) -> None:
    """Compare the log as another node has it with what the first one has shown."""
    where, read = node.api.urls[0], 0
    async for event in node.read_log(room):
        if read >= len(seen) or _digest(event) != seen[read]:
            what = f"{where} has another event as seq {event['seq']}: {format_event(event)}"
            history.findings.add(Promise.SAME, room, what)
        read += 1
    if read < len(seen):
        what = f"{where} has only {read} of {len(seen)} events of the log"
        history.findings.add(Promise.SAME, room, what)


def _digest(event: Frame) -> bytes:
    return b"%d %b %b" % (event["seq"], fixed_digest(event), content_version(event) or b"")
