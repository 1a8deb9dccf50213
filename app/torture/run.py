"""
A whole run: people and rooms, clients and faults, kills, then peace, and the comparison.

    prepare ──▶ disturb (seconds, or kills) ──▶ settle ──▶ read the logs ──▶ verdict
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from random import Random
from uuid import uuid4

from app.torture.checker import Checker
from app.torture.websocket_client import WebSocketClient
from app.torture.findings import Promise
from app.torture.history import History
from app.torture.server_killer import ServerKiller
from app.torture.plan import POLLING_CLIENT_EVERY, SETTLE_SECONDS, Plan
from app.torture.polling_client import PollingClient
from app.torture.report import Verdict
from app.torture.api_client import Account, ApiClient

Credentials = tuple[str, str]

_POLL_SECONDS = 0.1
# While somebody watches.
_PROGRESS_SECONDS = 5.0
_FIRST_KILL_DELAY_SECONDS = 0.5


async def torture(
    url: str,
    plan: Plan,
    *,
    accounts: Sequence[Credentials] = (),
    killer: ServerKiller | None = None,
    on_progress: Callable[[str], None] = lambda line: None,
) -> Verdict:
    """
    Torture the server at ``url``, and compare what everybody knows in the end.

    Args:
        accounts: Names and passwords to use; without, accounts are made.
        killer: Who kills the server meanwhile.
        on_progress: Gets a line now and then, for somebody who waits.

    Raises:
        TortureError: If the run can't go on.

    """
    began = time.monotonic()
    async with ApiClient.open(url) as site:
        await site.check_health()
        rng = Random(plan.seed)
        members = await _create_accounts(site, plan, accounts)
        rooms = await _create_rooms(site, members[0], plan)
        history = History(rooms, (member.name for member in members))
        people = _create_clients(members, rooms, history, plan, rng)
        on_progress(f"{len(people)} clients of {len(members)} users in {len(rooms)} rooms.")
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(person.run()) for person in people]
            watching = tasks.create_task(_report_progress(history, on_progress))
            await _inject_kills(plan, killer, rng, history)
            on_progress("No more faults: everybody catches up.")
            await _wait_until_settled(people, members[0], history)
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


async def _create_accounts(site: ApiClient, plan: Plan, accounts: Sequence[Credentials]) -> list[Account]:
    made: Sequence[Credentials] = accounts
    if not accounts:
        run = uuid4().hex[:8]
        made = [(f"torture-{run}-{n}", uuid4().hex) for n in range(1, plan.users + 1)]
        for name, password in made:
            await site.register(name, password)
    members = [Account(site, name.lower(), password) for name, password in made]
    for member in members:
        await member.renew("")
    return members


async def _create_rooms(site: ApiClient, owner: Account, plan: Plan) -> list[str]:
    names = [f"torture-{uuid4().hex[:12]}" for _ in range(plan.rooms)]
    for name in names:
        await site.create_room(owner, name)
    return names


def _create_clients(
    members: Sequence[Account], rooms: Sequence[str], history: History, plan: Plan, rng: Random
) -> list[WebSocketClient | PollingClient]:
    people: list[WebSocketClient | PollingClient] = []
    for number in range(plan.clients):
        member, own = members[number % len(members)], Random(rng.getrandbits(64))
        name, room = f"client {number + 1} ({member.name})", rooms[number % len(rooms)]
        if number % POLLING_CLIENT_EVERY == POLLING_CLIENT_EVERY - 1:
            people.append(PollingClient(name, member, room, history, own))
            continue
        in_path = own.random() < 0.5
        people.append(
            WebSocketClient(
                name,
                member,
                [room] if in_path else rooms,
                history,
                own,
                clients_per_user=-(-plan.clients // len(members)),
                in_path=in_path,
            )
        )
    return people


async def _report_progress(history: History, on_progress: Callable[[str], None]) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        counts = history.counts
        on_progress(
            f"{counts['acknowledged']:,} acknowledged, {counts['events heard']:,} events heard, "
            f"{counts['connections']:,} connections, {counts['kills']:,} kills, "
            f"{history.findings.counts.total():,} findings."
        )


async def _inject_kills(plan: Plan, killer: ServerKiller | None, rng: Random, history: History) -> None:
    if killer is None:
        await asyncio.sleep(plan.seconds)
        return
    until = time.monotonic() + plan.seconds
    await asyncio.sleep(_FIRST_KILL_DELAY_SECONDS)
    while history.counts["kills"] < plan.kills if plan.kills else time.monotonic() < until:
        await asyncio.sleep(plan.kill_every * rng.uniform(0.25, 1.0))
        history.counts["kills"] += await killer.kill()


async def _wait_until_settled(people: Sequence[WebSocketClient | PollingClient], member: Account, history: History) -> None:
    for person in people:
        person.wind_down()
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            await _until(lambda: all(person.settled for person in people))
            # Nothing is asked any more: where the logs end now, they end for good.
            heads = {room: await member.head(room) for room in history.rooms}
            await _until(
                lambda: all(
                    (heard.cursor or 0) >= heads[room]
                    for person in people
                    for room, heard in person.subscriptions.items()
                )
            )
    except TimeoutError:
        for person in people:
            stands = {room: heard.cursor for room, heard in person.subscriptions.items()}
            if not person.settled:
                what = f"{person.name} did not come to an end; it stands at {stands}"
                history.findings.add(Promise.SETTLED, "", what)
        for request in history.open():
            what = f"{request.kind.name.lower()} {request.id} was never answered"
            history.findings.add(Promise.SETTLED, request.room, what)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - many conditions of many clients, once a run
        await asyncio.sleep(_POLL_SECONDS)


async def _compare(member: Account, room: str, history: History) -> int:
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
