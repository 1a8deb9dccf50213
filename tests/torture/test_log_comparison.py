"""The log of a room as several nodes have it: what differs is found."""

from typing import Any

import httpx2
import orjson
import pytest

from app.torture.api_client import Account, ApiClient
from app.torture.findings import Promise
from app.torture.history import History
from app.torture.log_comparison import compare_logs

NODES = ["http://one", "http://other"]

Log = list[dict[str, Any]]


def log() -> Log:
    return [
        {
            "type": "message.created",
            "room": "den",
            "seq": seq,
            "by": "bo",
            "at": f"at {seq}",
            "text": f"text {seq}",
        }
        for seq in range(1, 6)
    ]


async def compared(one: Log, other: Log) -> tuple[int, dict[Promise, int]]:
    """Compare the logs of two nodes; the number of events, and of findings for each promise."""
    logs = {"one": one, "other": other}

    def answer(request: httpx2.Request) -> httpx2.Response:
        events = logs[request.url.host]
        if not request.url.path.endswith("/events"):
            return httpx2.Response(200, json={"head": 5})
        since = int(request.url.params["since"])
        # Pages of two, so that there are several.
        page = [event for event in events if event["seq"] > since][:2]
        more = bool(page) and page[-1] is not events[-1]
        return httpx2.Response(200, content=orjson.dumps({"events": page, "has_more": more}))

    history = History(["den"])
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        account = Account(ApiClient(NODES, client), "ana", "secret")
        events = await compare_logs(account, "den", history)
    return events, dict(history.findings.counts)


async def test_nodes_with_one_log_agree() -> None:
    assert await compared(log(), log()) == (5, {})


@pytest.mark.parametrize("field", ["by", "at", "text"])
async def test_a_node_that_has_another_event_is_found(field: str) -> None:
    other = log()
    other[2][field] = "another"

    assert await compared(log(), other) == (5, {Promise.SAME: 1})


async def test_a_node_with_a_shorter_log_is_found() -> None:
    assert await compared(log(), log()[:3]) == (5, {Promise.SAME: 1})


async def test_a_node_with_a_longer_log_is_found() -> None:
    longer = [*log(), {**log()[-1], "seq": 6}]

    assert await compared(log(), longer) == (5, {Promise.SAME: 1})


async def test_the_log_of_the_first_node_is_checked() -> None:
    gap = log()
    del gap[2]

    _, broken = await compared(gap, gap)

    assert Promise.DENSE in broken
