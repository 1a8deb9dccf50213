"""What is measured, in the order of the report. ``docs/performance-method.md`` explains each."""

from collections.abc import Sequence
from dataclasses import replace

from bench.connections import (
    arriving_clients,
    joining_clients,
    page_clients,
    requesting_clients,
    room_clients,
)
from bench.dataset import Dataset, Room
from bench.figures import (
    answer_rate,
    arrival_rate,
    latency_to_last_member,
    memory,
    slow_reader_figures,
    throughput,
)
from bench.generator import Load
from bench.scenario import Figure, Scenario
from bench.servers import BareUvloop, Parley, Server, TutorialStore

PAGE = 50
IDLE_CONNECTIONS = 5_000

# Participants


def every_server(server: Server) -> bool:
    return True


def storing_servers(server: Server) -> bool:
    return server.stores and not isinstance(server, BareUvloop)


def only_parley(server: Server) -> bool:
    return server.name == "parley"


def servers_with_accounts(server: Server) -> bool:
    return isinstance(server, (Parley, TutorialStore))


def all_but_bare(server: Server) -> bool:
    return not isinstance(server, BareUvloop)


# The scenarios

_RATE = Figure("messages/s", "/s")
_P50 = Figure("p50", "ms", more_is_better=False)
_P99 = Figure("p99", "ms", more_is_better=False)
_JOINS = Figure("joins/s", "/s")
_ANSWERS = Figure("answers/s", "/s")

HUNDRED = Dataset((Room("hundred", 100),))
_ARCHIVE = Dataset((Room("archive", 500, 100_000),))
_HISTORY = Dataset((Room("small", 50, 1_000), Room("large", 50, 5_000_000)))
_SIXTEEN = Dataset((Room("sixteen", 16),))
_SLOW = Dataset((Room("slow", 200),))
# 2,400 messages, so that the p99 rests on 24 of them.
_PACED = Load(mode="paced", rate=200, seconds=12)

_busy = Scenario(
    name="room-100",
    title="Room of 100, 10 senders with 8 unacknowledged messages each",
    figures=(_RATE, Figure("deliveries/s", "/s"), _P50, _P99),
    dataset=HUNDRED,
    load=Load(mode="closed", inflight=8),
    connect=room_clients(senders=10),
    read=throughput,
    takes_part=every_server,
    main=True,
)
_history = Scenario(
    name="history-1k",
    title="The newest 50 messages over HTTP, 8 clients, room of 1,000 messages",
    figures=(_ANSWERS, _P50, _P99),
    dataset=Dataset((Room("small", 50, 1_000),)),
    load=Load(mode="pages", replay=PAGE),
    connect=page_clients(0, 8),
    read=answer_rate,
    takes_part=storing_servers,
    dialect="http",
    main=True,
)
_slow = Scenario(
    name="slow-none",
    title="Room of 200, 200 messages/s; all read",
    figures=(_P50, _P99),
    dataset=_SLOW,
    load=_PACED,
    connect=room_clients(senders=10),
    read=latency_to_last_member,
    takes_part=only_parley,
)


def _lone(inflight: int) -> Scenario:
    return replace(
        _busy,
        name=f"lone-{inflight}",
        title=f"Room of 100, one sender with {inflight} in flight",
        load=Load(mode="closed", inflight=inflight),
        connect=room_clients(senders=1),
        main=inflight == 1,
    )


SCENARIOS: Sequence[Scenario] = (
    _busy,
    *map(_lone, (1, 2, 4, 8, 16, 64)),
    Scenario(
        name="paced",
        title="Room of 100, 200 messages/s: from send to the last member",
        figures=(_P50, _P99),
        dataset=HUNDRED,
        load=_PACED,
        connect=room_clients(senders=10),
        read=latency_to_last_member,
        takes_part=every_server,
        main=True,
    ),
    replace(
        _busy,
        name="room-1000",
        title="Room of 1,000, 10 senders with 8 unacknowledged messages each",
        dataset=Dataset((Room("thousand", 1_000),)),
        main=False,
    ),
    replace(
        _busy,
        name="rooms-1000",
        title="1,000 rooms of 5, one sender each",
        dataset=Dataset(tuple(Room(f"room-{n}", 5) for n in range(1_000))),
        load=Load(mode="closed", inflight=1),
        connect=room_clients(senders=1),
        main=False,
    ),
    Scenario(
        name="connect",
        title="Connect, log in, join, replay of 50 from a room of 100,000 messages",
        figures=(_JOINS, _P50, _P99),
        dataset=_ARCHIVE,
        load=Load(mode="connect", replay=PAGE),
        connect=arriving_clients(PAGE),
        read=arrival_rate,
        takes_part=storing_servers,
        main=True,
    ),
    Scenario(
        name="connect-empty",
        title="Connect, log in, join an empty room",
        figures=(_JOINS, _P50, _P99),
        dataset=Dataset(tuple(Room(f"empty-{n}", 5) for n in range(100))),
        load=Load(mode="connect"),
        connect=arriving_clients(0),
        read=arrival_rate,
        takes_part=every_server,
    ),
    Scenario(
        name="join",
        title="join to caught_up on an open socket, replay of 50 of 100,000 messages",
        figures=(_ANSWERS, _P50, _P99),
        dataset=Dataset((Room("archive", 32, 100_000),)),
        load=Load(mode="join", replay=PAGE),
        connect=joining_clients,
        read=answer_rate,
        takes_part=only_parley,
    ),
    Scenario(
        name="storm",
        title="2,000 connections arrive with log-in token and join one room, replay of 50",
        figures=(_JOINS, _P50, _P99),
        dataset=Dataset((Room("storm", 2_000, 1_000),)),
        load=Load(mode="connect", replay=PAGE, total=2_000, opening=400, keep=True),
        connect=arriving_clients(PAGE),
        read=arrival_rate,
        takes_part=storing_servers,
    ),
    _history,
    replace(
        _history,
        name="history-1k-beside-5m",
        title="The same, of a room of 1,000 beside one of 5,000,000",
        dataset=_HISTORY,
        takes_part=only_parley,
        main=False,
        reuses_database=True,
    ),
    replace(
        _history,
        name="history-5m",
        title="The same, of the room of 5,000,000",
        dataset=_HISTORY,
        connect=page_clients(1, 8),
        takes_part=only_parley,
        main=False,
        reuses_database=True,
    ),
    Scenario(
        name="post-16",
        title="POST a message, 16 clients with one request each, in one room",
        figures=(_ANSWERS, _P50, _P99),
        dataset=_SIXTEEN,
        load=Load(mode="posts"),
        connect=requesting_clients("/rooms/{room}/messages", 16),
        read=answer_rate,
        takes_part=servers_with_accounts,
        dialect="http",
        main=True,
    ),
    Scenario(
        name="users-me-16",
        title="GET /users/me, 16 clients with one request each",
        figures=(_ANSWERS, _P50, _P99),
        dataset=_SIXTEEN,
        load=Load(mode="pages"),
        connect=requesting_clients("/users/me", 16),
        read=answer_rate,
        takes_part=servers_with_accounts,
        dialect="http",
    ),
    Scenario(
        name="idle",
        title=f"Memory of an idle connection, at {IDLE_CONNECTIONS:,}",
        figures=(Figure("memory", "KiB", more_is_better=False),),
        dataset=Dataset(tuple(Room(f"idle-{n}", 50) for n in range(IDLE_CONNECTIONS // 50))),
        load=Load(mode="idle", opening=100, limit=60),
        connect=room_clients(senders=0),
        read=throughput,
        takes_part=all_but_bare,
        measure=memory,
        main=True,
    ),
    _slow,
    replace(
        _slow,
        name="slow-50",
        title="The same, and 50 of the 200 never read",
        figures=(
            _P50,
            _P99,
            Figure("cut off", "of 50"),
            Figure("told 4102", "of 50"),
            Figure("all cut after", "s", more_is_better=False),
        ),
        connect=room_clients(senders=10, stalled=50),
        read=slow_reader_figures,
    ),
)
