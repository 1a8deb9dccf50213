"""The checker finds each promise broken that a test breaks on purpose."""

from collections.abc import Callable

import pytest

from app.torture.findings import Promise
from app.torture.history import Kind
from tests.torture.history_env import HistoryEnv

Tamper = Callable[[HistoryEnv], object]


def valid_history() -> HistoryEnv:
    """A history without findings, whose requests are stored as seqs 2 to 7."""
    env = HistoryEnv()
    env.send("ana", "hi")
    env.send("bo", "hello")
    env.send("ana", "never mind")
    env.edit("ana", 2, "hi there")
    env.delete("ana", 4)
    env.react("bo", 2, "🎉")
    return env


def test_a_log_that_matches_the_history_passes():
    assert valid_history().broken() == {}


def test_an_unanswered_request_may_be_stored_or_not():
    env = valid_history()
    there, absent = (env.request("bo", Kind.SEND, text) for text in ("here", "gone"))
    env.store({"type": "message.created", "by": "bo", "text": "here", "id": there.id})
    env.history.record_give_up(there.id)
    env.history.record_give_up(absent.id)

    assert env.broken() == {}


def test_a_retry_with_the_same_answer_passes():
    env = valid_history()
    request = next(iter(env.history.requests.values()))
    env.history.record_ack(request.id, 2, duplicate=True)

    assert env.broken() == {}


def lose_the_last_message(env: HistoryEnv) -> None:
    env.send("ana", "lost", received=False)
    env.log.pop()


def replace_an_acknowledged_message(env: HistoryEnv) -> None:
    seq = env.send("ana", "lost", received=False)
    env.log[seq - 1] |= {"by": "eve", "id": "another id"}


def roll_back_a_received_message(env: HistoryEnv) -> None:
    request = env.request("bo", Kind.SEND, "received too early")
    env.store({"type": "message.created", "by": "bo", "text": "…", "id": request.id})
    env.history.record_give_up(request.id)
    env.log.pop()


def reset_a_subscriber(env: HistoryEnv) -> None:
    env.subscriptions["bo"].on_reset("ahead", 3)


def store_a_message_twice(env: HistoryEnv) -> None:
    env.store({**env.log[1], "seq": len(env.log) + 1, "text": "hi", "edited_at": None})


def store_an_edit_twice(env: HistoryEnv) -> None:
    env.store({**env.log[4], "seq": len(env.log) + 1})


def acknowledge_two_requests_with_one_seq(env: HistoryEnv) -> None:
    seq = env.send("ana", "one")
    env.history.record_ack(env.request("bo", Kind.REACT, ref=2, emoji="👍").id, seq)


def leave_a_gap(env: HistoryEnv) -> None:
    env.store({"type": "member.joined", "by": "bo", "user": "bo"})
    env.log[-1]["seq"] += 1


def skip_an_event(env: HistoryEnv) -> None:
    env.store({"type": "member.joined", "by": "bo", "user": "bo"}, received=False)
    env.send("ana", "after the gap")


def deliver_an_event_twice(env: HistoryEnv) -> None:
    env.deliver(env.log[-1])


def catch_up_at_another_seq(env: HistoryEnv) -> None:
    env.subscriptions["bo"].on_caught_up(3)


def deliver_before_joined(env: HistoryEnv) -> None:
    env.subscriptions["bo"].on_connect()
    env.send("ana", "early")


def omit_one_of_the_newest_messages(env: HistoryEnv) -> None:
    eve = env.subscribe("eve", since=None)
    for seq in (2, 4):
        eve.on_event(env.log[seq - 1])
    eve.on_caught_up(len(env.log))


def deliver_too_few_of_the_newest_messages(env: HistoryEnv) -> None:
    eve = env.subscribe("eve", since=None)
    eve.on_event(env.log[3])
    eve.on_caught_up(len(env.log))


def deliver_with_another_author(env: HistoryEnv) -> None:
    env.subscribe("eve", since=1).on_event({**env.log[1], "by": "bo"})


def deliver_with_another_text(env: HistoryEnv) -> None:
    env.subscribe("eve", since=2).on_event({**env.log[2], "text": "goodbye"})


def deliver_the_text_of_a_deleted_message(env: HistoryEnv) -> None:
    edited = {**env.log[3], "text": "never mind", "edited_at": "at 5", "deleted_at": None}
    env.subscribe("eve", since=3).on_event(edited)


def revert_an_edit(env: HistoryEnv) -> None:
    env.log[1] |= {"text": "hi", "edited_at": None}


def revert_a_deletion(env: HistoryEnv) -> None:
    env.log[3] |= {"text": "never mind", "deleted_at": None}


def store_another_emoji(env: HistoryEnv) -> None:
    request = env.request("bo", Kind.REACT, ref=3, emoji="👍")
    seq = env.store({"type": "reaction.added", "by": "bo", "ref": 3, "emoji": "🎉"})
    env.history.record_ack(request.id, seq)


def store_a_message_as_another_user(env: HistoryEnv) -> None:
    request = env.request("ana", Kind.SEND, "mine")
    event = {"type": "message.created", "by": "bo", "text": "mine", "id": request.id}
    env.history.record_ack(request.id, env.store(event))


def store_a_deletion_as_another_user(env: HistoryEnv) -> None:
    request = env.request("ana", Kind.DELETE, ref=2)
    env.log[1] |= {"text": None, "deleted_at": "now"}
    event = {"type": "message.deleted", "by": "bo", "ref": 2, "author": "ana"}
    env.history.record_ack(request.id, env.store(event))


def forge_a_message(env: HistoryEnv) -> None:
    env.store({"type": "message.created", "by": "bo", "text": "not me", "id": "unknown"})


def answer_a_retry_with_another_seq(env: HistoryEnv) -> None:
    first = next(iter(env.history.requests))
    env.history.record_ack(first, 3, duplicate=True)


def answer_a_retry_as_new(env: HistoryEnv) -> None:
    first = next(iter(env.history.requests))
    env.history.record_ack(first, 2)


def refuse_a_retry(env: HistoryEnv) -> None:
    env.history.record_refusal(next(iter(env.history.requests)), "forbidden")


def store_a_refused_message(env: HistoryEnv) -> None:
    request = env.request("bo", Kind.SEND, "no")
    env.history.record_refusal(request.id, "forbidden")
    env.store({"type": "message.created", "by": "bo", "text": "no", "id": request.id})


def refuse_a_message_as_id_reused(env: HistoryEnv) -> None:
    env.history.record_refusal(env.request("bo", Kind.SEND, "mine").id, "id_reused")


def acknowledge_with_another_seq(env: HistoryEnv) -> None:
    request = env.request("bo", Kind.SEND, "here")
    env.store({"type": "message.created", "by": "bo", "text": "here", "id": request.id})
    env.history.record_ack(request.id, 3)


@pytest.mark.parametrize(
    ("promise", "tamper"),
    [
        (Promise.KEPT, lose_the_last_message),
        (Promise.KEPT, replace_an_acknowledged_message),
        (Promise.KEPT, acknowledge_two_requests_with_one_seq),
        (Promise.REAL, roll_back_a_received_message),
        (Promise.REAL, reset_a_subscriber),
        (Promise.ONCE, store_a_message_twice),
        (Promise.ONCE, store_an_edit_twice),
        (Promise.ONCE, acknowledge_two_requests_with_one_seq),
        (Promise.DENSE, leave_a_gap),
        (Promise.IN_ORDER, skip_an_event),
        (Promise.IN_ORDER, deliver_an_event_twice),
        (Promise.IN_ORDER, catch_up_at_another_seq),
        (Promise.IN_ORDER, deliver_before_joined),
        (Promise.IN_ORDER, omit_one_of_the_newest_messages),
        (Promise.IN_ORDER, deliver_too_few_of_the_newest_messages),
        (Promise.SAME, deliver_with_another_author),
        (Promise.SAME, deliver_with_another_text),
        (Promise.SAME, deliver_the_text_of_a_deleted_message),
        (Promise.SAME, revert_an_edit),
        (Promise.SAME, revert_a_deletion),
        (Promise.SAME, store_another_emoji),
        (Promise.OWN, store_a_message_as_another_user),
        (Promise.OWN, store_a_deletion_as_another_user),
        (Promise.OWN, forge_a_message),
        (Promise.RETRY, answer_a_retry_with_another_seq),
        (Promise.RETRY, answer_a_retry_as_new),
        (Promise.RETRY, refuse_a_retry),
        (Promise.RETRY, store_a_refused_message),
        (Promise.RETRY, refuse_a_message_as_id_reused),
        (Promise.RETRY, acknowledge_with_another_seq),
    ],
)
def test_tampering_is_found(promise: Promise, tamper: Tamper):
    env = valid_history()
    tamper(env)

    assert promise in env.broken()


def test_live_events_may_follow_the_newest_messages():
    env = valid_history()
    eve = env.subscribe("eve", since=None)
    for event in env.log:
        if event["type"] == "message.created" or event["seq"] == 7:
            eve.on_event(event)
    eve.on_caught_up(7)

    assert env.broken() == {}
    assert eve.cursor == 7


def test_a_second_join_resumes_from_its_own_since():
    env = valid_history()
    bo = env.subscriptions["bo"]
    asked = bo.start_join(limit=50)
    env.send("ana", "meanwhile")
    bo.on_joined()
    bo.on_event(env.log[7])
    bo.on_caught_up(8)

    assert (asked, bo.cursor) == (7, 8)
    assert env.broken() == {}
