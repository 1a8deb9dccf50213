"""
A whole run: people and rooms, clients and mishaps, kills, then peace, and the comparison.

    prepare ──▶ disturb (seconds, or kills) ──▶ settle ──▶ read the logs ──▶ verdict
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from random import Random
from uuid import uuid4

from app.torture.checker import Checker
from app.torture.client import Client
from app.torture.findings import Promise
from app.torture.history import History
from app.torture.kills import Killer
from app.torture.plan import READER_EVERY, SETTLE_SECONDS, Plan
from app.torture.reader import Reader
from app.torture.report import Verdict
from app.torture.site import Member, Site

Account = tuple[str, str]

_LOOK_AGAIN_SECONDS = 0.1
# While somebody watches.
_PROGRESS_SECONDS = 5.0
_BEFORE_THE_FIRST_KILL_SECONDS = 0.5


async def torture(
    url: str,
    plan: Plan,
    *,
    accounts: Sequence[Account] = (),
    killer: Killer | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Verdict:
    """
    Torture the server at ``url``, and compare what everybody knows in the end.

    Args:
        accounts: Names and passwords to use; without, accounts are made.
        killer: Who kills the server meanwhile.
        tell: Gets a line now and then, for somebody who waits.

    Raises:
        TortureError: If the run can't go on.

    """
    began = time.monotonic()
    async with Site.open(url) as site:
        await site.greet()
        dice = Random(plan.seed)
        members = await _people(site, plan, accounts)
        rooms = await _rooms(site, members[0], plan)
        history = History(rooms, (member.name for member in members))
        people = _clients(members, rooms, history, plan, dice)
        tell(f"{len(people)} clients of {len(members)} users in {len(rooms)} rooms.")
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(person.run()) for person in people]
            watching = tasks.create_task(_watch(history, tell))
            await _disturb(plan, killer, dice, history)
            tell("No more mishaps: everybody catches up.")
            await _settle(people, members[0], history)
            for task in [*running, watching]:
                task.cancel()
        events = 0
        for room in rooms:
            events += await _compare(members[0], room, history)
            await site.archive(members[0], room)
    return Verdict(
        seed=plan.seed,
        seconds=time.monotonic() - began,
        clients=len(people),
        users=len(members),
        rooms=len(rooms),
        events=events,
        history=history,
    )


async def _people(site: Site, plan: Plan, accounts: Sequence[Account]) -> list[Member]:
    made: Sequence[Account] = accounts
    if not accounts:
        run = uuid4().hex[:8]
        made = [(f"torture-{run}-{n}", uuid4().hex) for n in range(1, plan.users + 1)]
        for name, password in made:
            await site.register(name, password)
    members = [Member(site, name.lower(), password) for name, password in made]
    for member in members:
        await member.renew("")
    return members


async def _rooms(site: Site, owner: Member, plan: Plan) -> list[str]:
    names = [f"torture-{uuid4().hex[:12]}" for _ in range(plan.rooms)]
    for name in names:
        await site.make_room(owner, name)
    return names


def _clients(
    members: Sequence[Member], rooms: Sequence[str], history: History, plan: Plan, dice: Random
) -> list[Client | Reader]:
    people: list[Client | Reader] = []
    for number in range(plan.clients):
        member, own = members[number % len(members)], Random(dice.getrandbits(64))
        name, room = f"client {number + 1} ({member.name})", rooms[number % len(rooms)]
        if number % READER_EVERY == READER_EVERY - 1:
            people.append(Reader(name, member, room, history, own))
            continue
        in_path = own.random() < 0.5
        people.append(
            Client(
                name,
                member,
                [room] if in_path else rooms,
                history,
                own,
                clients_of_user=-(-plan.clients // len(members)),
                in_path=in_path,
            )
        )
    return people


async def _watch(history: History, tell: Callable[[str], None]) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        counts = history.counts
        tell(
            f"{counts['acknowledged']:,} acknowledged, {counts['events heard']:,} events heard, "
            f"{counts['connections']:,} connections, {counts['kills']:,} kills, "
            f"{history.findings.counts.total():,} findings."
        )


async def _disturb(plan: Plan, killer: Killer | None, dice: Random, history: History) -> None:
    if killer is None:
        await asyncio.sleep(plan.seconds)
        return
    until = time.monotonic() + plan.seconds
    await asyncio.sleep(_BEFORE_THE_FIRST_KILL_SECONDS)
    while history.counts["kills"] < plan.kills if plan.kills else time.monotonic() < until:
        await asyncio.sleep(plan.kill_every * dice.uniform(0.25, 1.0))
        history.counts["kills"] += await killer.kill()


async def _settle(people: Sequence[Client | Reader], member: Member, history: History) -> None:
    for person in people:
        person.calm_down()
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            await _until(lambda: all(person.settled for person in people))
            # Nothing is asked any more: where the logs end now, they end for good.
            heads = {room: await member.head(room) for room in history.rooms}
            await _until(
                lambda: all(
                    (heard.cursor or 0) >= heads[room]
                    for person in people
                    for room, heard in person.listeners.items()
                )
            )
    except TimeoutError:
        for person in people:
            stands = {room: heard.cursor for room, heard in person.listeners.items()}
            if not person.settled:
                what = f"{person.name} did not come to an end; it stands at {stands}"
                history.findings.add(Promise.SETTLED, "", what)
        for request in history.open():
            what = f"{request.kind.name.lower()} {request.id} was never answered"
            history.findings.add(Promise.SETTLED, request.room, what)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - many conditions of many clients, once a run
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _compare(member: Member, room: str, history: History) -> int:
    head = await member.head(room)
    checker, events = Checker(history, room), 0
    async for event in member.log(room):
        checker.reads(event)
        events += 1
    checker.finish()
    if events != head:
        what = f"the log has {events} events, and the head is {head}"
        history.findings.add(Promise.DENSE, room, what)
    return events
