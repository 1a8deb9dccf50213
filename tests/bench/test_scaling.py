"""The model of what a node and a room carry, and the page that quotes it."""

import pytest

from bench import scaling
from bench.scaling import Community, NodeCosts, RowLock, simulate_room
from tests.docs.pages import page


def test_the_costs_give_the_points_that_they_were_fitted_to() -> None:
    costs, lock = NodeCosts.fitted(), RowLock.fitted()

    for members, microseconds in scaling.BUSY_ROOM:
        assert costs.message(members, busy=True) == pytest.approx(microseconds)
    members, microseconds = scaling.QUIET_ROOMS
    assert costs.message(members, busy=False) == pytest.approx(microseconds)
    for messages, milliseconds in scaling.ROW_LOCK:
        assert lock.seconds(messages) == pytest.approx(milliseconds / 1_000)


def test_a_room_keeps_up_below_what_its_lock_allows_and_not_above() -> None:
    lock = RowLock.fitted()

    below = simulate_room(0.8 * lock.most, 2, lock, seconds=5)
    above = simulate_room(1.2 * lock.most, 2, lock, seconds=5)

    assert below.left < lock.most / 100
    assert above.left > 0.5 * 0.2 * lock.most * 5
    # Every message that came is either committed or left.
    assert len(below.delays) + below.left == pytest.approx(0.8 * lock.most * 5, rel=0.05)


def test_nodes_make_one_room_slower_and_not_faster() -> None:
    """Their batches are smaller, and each has the lock for its fixed part."""
    lock = RowLock.fitted()

    alone, together = (simulate_room(5_000, nodes, lock, seconds=5) for nodes in (1, 8))

    assert together.p99 > 2 * alone.p99


def test_the_simulation_is_the_same_each_time() -> None:
    lock = RowLock.fitted()

    assert simulate_room(1_000, 2, lock, 1).delays == simulate_room(1_000, 2, lock, 1).delays


def test_a_community_that_is_too_large_is_told_how_many_nodes_it_needs() -> None:
    small = list(Community(users=1_000, room=50, per_minute=1).lines(nodes=1))
    large = list(Community(users=1_000_000, room=100, per_minute=2).lines(nodes=1))

    assert not any(line.startswith("nodes needed") for line in small)
    assert large[-1].startswith("nodes needed: more than ")


@pytest.mark.slow
def test_the_page_has_the_tables_that_the_model_prints() -> None:
    text = page("docs/scaling.md")

    for table in (scaling.node_table(), scaling.room_table()):
        assert "\n".join(table) in text
