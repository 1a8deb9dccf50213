"""
A whole run: create accounts and rooms, run clients with faults and kills, settle, compare.

    prepare ──▶ inject faults (seconds, or kills) ──▶ settle ──▶ read the logs ──▶ verdict
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from random import Random
from uuid import uuid4

from .api_client import Account, ApiClient
from .findings import Promise
from .history import History
from .log_comparison import compare_logs
from .plan import POLLING_CLIENT_EVERY, SETTLE_SECONDS, Plan
from .polling_client import PollingClient
from .report import Verdict
from .server_killer import ServerKiller
from .websocket_client import WebSocketClient

Credentials = tuple[str, str]

_POLL_SECONDS = 0.1
# How often `on_progress` is called while clients run.
_PROGRESS_SECONDS = 5.0
_FIRST_KILL_DELAY_SECONDS = 0.5


async def torture(
    urls: Sequence[str],
    plan: Plan,
    *,
    credentials: Sequence[Credentials] = (),
    killer: ServerKiller | None = None,
    on_progress: Callable[[str], None] = lambda line: None,
) -> Verdict:
    """
    Run clients with faults against a server, then compare them with its logs.

    Args:
        urls: Its nodes. Each connection and request goes to another one than that before, so that
            clients resume on one node what they have begun on another.
        credentials: Names and passwords of accounts to use. Without any, accounts are registered.
        killer: Kills the server during the run.
        on_progress: Called with a line of text from time to time.

    Raises:
        TortureError: If the run can't go on.

    """
    began = time.monotonic()
    async with ApiClient.open(urls) as api:
        await api.check_health()
        rng = Random(plan.seed)
        accounts = await _create_accounts(api, plan, credentials)
        rooms = await _create_rooms(api, accounts[0], plan)
        history = History(rooms, (account.name for account in accounts))
        clients = _create_clients(accounts, rooms, history, plan, rng)
        where = f" on {len(urls)} nodes" if len(urls) > 1 else ""
        on_progress(
            f"{len(clients)} clients of {len(accounts)} users in {len(rooms)} rooms{where}."
        )
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(client.run()) for client in clients]
            watching = tasks.create_task(_report_progress(history, on_progress))
            await _inject_kills(plan, killer, rng, history)
            on_progress("Faults have stopped; waiting for every client to catch up.")
            await _wait_until_settled(clients, accounts[0], history)
            for task in [*running, watching]:
                task.cancel()
        events = 0
        for room in rooms:
            events += await compare_logs(accounts[0], room, history)
            await api.archive_room(accounts[0], room)
    return Verdict(
        seed=plan.seed,
        seconds=time.monotonic() - began,
        nodes=len(urls),
        clients=len(clients),
        users=len(accounts),
        rooms=len(rooms),
        events=events,
        history=history,
    )


async def _create_accounts(
    api: ApiClient, plan: Plan, credentials: Sequence[Credentials]
) -> list[Account]:
    # All on one node, until it is known that the others are of the same installation.
    first = api.of_node(api.urls[0])
    if not credentials:
        run = uuid4().hex[:8]
        credentials = [(f"torture-{run}-{n}", uuid4().hex) for n in range(1, plan.users + 1)]
        for name, password in credentials:
            await first.register(name, password)
    accounts = [Account(first, name.lower(), password) for name, password in credentials]
    for account in accounts:
        await account.renew("")
    await api.check_one_installation(accounts[0])
    return [account.on(api) for account in accounts]


async def _create_rooms(api: ApiClient, owner: Account, plan: Plan) -> list[str]:
    names = [f"torture-{uuid4().hex[:12]}" for _ in range(plan.rooms)]
    for name in names:
        await api.create_room(owner, name)
    return names


def _create_clients(
    accounts: Sequence[Account], rooms: Sequence[str], history: History, plan: Plan, rng: Random
) -> list[WebSocketClient | PollingClient]:
    clients: list[WebSocketClient | PollingClient] = []
    for number in range(plan.clients):
        account, own_rng = accounts[number % len(accounts)], Random(rng.getrandbits(64))
        name, room = f"client {number + 1} ({account.name})", rooms[number % len(rooms)]
        if number % POLLING_CLIENT_EVERY == POLLING_CLIENT_EVERY - 1:
            clients.append(PollingClient(name, account, room, history, own_rng))
            continue
        in_path = own_rng.random() < 0.5
        clients.append(
            WebSocketClient(
                name,
                account,
                [room] if in_path else rooms,
                history,
                own_rng,
                clients_per_user=-(-plan.clients // len(accounts)),
                in_path=in_path,
            )
        )
    return clients


async def _report_progress(history: History, on_progress: Callable[[str], None]) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        counts = history.counts
        on_progress(
            f"{counts['acknowledged']:,} acknowledged, "
            f"{counts['events received']:,} events received, "
            f"{counts['connections']:,} connections, {counts['kills']:,} kills, "
            f"{history.findings.counts.total():,} findings."
        )


async def _inject_kills(
    plan: Plan, killer: ServerKiller | None, rng: Random, history: History
) -> None:
    if killer is None:
        await asyncio.sleep(plan.seconds)
        return
    until = time.monotonic() + plan.seconds
    await asyncio.sleep(_FIRST_KILL_DELAY_SECONDS)
    while history.counts["kills"] < plan.kills if plan.kills else time.monotonic() < until:
        await asyncio.sleep(plan.kill_every * rng.uniform(0.25, 1.0))
        history.counts["kills"] += await killer.kill()


async def _wait_until_settled(
    clients: Sequence[WebSocketClient | PollingClient], account: Account, history: History
) -> None:
    for client in clients:
        client.wind_down()
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            await _until(lambda: all(client.settled for client in clients))
            # All requests are answered, so the heads read here are final.
            heads = {room: await account.head(room) for room in history.rooms}
            await _until(
                lambda: all(
                    (subscription.cursor or 0) >= heads[room]
                    for client in clients
                    for room, subscription in client.subscriptions.items()
                )
            )
    except TimeoutError:
        for client in clients:
            cursors = {room: sub.cursor for room, sub in client.subscriptions.items()}
            if not client.settled:
                what = f"{client.name} did not settle; its cursors are {cursors}"
                history.findings.add(Promise.SETTLED, "", what)
        for request in history.open_requests():
            what = f"{request.kind.name.lower()} {request.id} was never answered"
            history.findings.add(Promise.SETTLED, request.room, what)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - many conditions of many clients, once a run
        await asyncio.sleep(_POLL_SECONDS)
