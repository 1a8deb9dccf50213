"""Each promise is broken on purpose, and found broken: a checker that finds nothing is none."""

from collections.abc import Callable

import pytest

from app.torture.findings import Promise
from app.torture.history import Kind
from tests.torture.history_env import Stage

Tampering = Callable[[Stage], object]


def talk() -> Stage:
    """A conversation that nothing is wrong with: seqs 2 to 7."""
    stage = Stage()
    stage.sends("ana", "hi")
    stage.sends("bo", "hello")
    stage.sends("ana", "never mind")
    stage.edits("ana", 2, "hi there")
    stage.deletes("ana", 4)
    stage.reacts("bo", 2, "🎉")
    return stage


def test_a_log_that_is_as_everybody_knows_it_passes():
    assert talk().verdict() == {}


def test_what_was_never_answered_may_be_there_or_not():
    stage = talk()
    there, absent = (stage.asks("bo", Kind.SEND, text) for text in ("here", "gone"))
    stage.stores({"type": "message.created", "by": "bo", "text": "here", "id": there.id})
    stage.history.record_give_up(there.id)
    stage.history.record_give_up(absent.id)

    assert stage.verdict() == {}


def test_a_retry_with_the_same_answer_is_fine():
    stage = talk()
    request = next(iter(stage.history.requests.values()))
    stage.history.answers(request.id, 2, duplicate=True)

    assert stage.verdict() == {}


def lose_the_last(stage: Stage) -> None:
    stage.sends("ana", "lost", heard=False)
    stage.log.pop()


def another_in_its_place(stage: Stage) -> None:
    seq = stage.sends("ana", "lost", heard=False)
    stage.log[seq - 1] |= {"by": "eve", "id": "of eve's"}


def take_back_what_was_heard(stage: Stage) -> None:
    request = stage.asks("bo", Kind.SEND, "heard too early")
    stage.stores({"type": "message.created", "by": "bo", "text": "…", "id": request.id})
    stage.history.record_give_up(request.id)
    stage.log.pop()


def start_again(stage: Stage) -> None:
    stage.subscriptions["bo"].on_reset("ahead", 3)


def store_a_retry_again(stage: Stage) -> None:
    stage.stores({**stage.log[1], "seq": len(stage.log) + 1, "text": "hi", "edited_at": None})


def store_an_edit_again(stage: Stage) -> None:
    stage.stores({**stage.log[4], "seq": len(stage.log) + 1})


def acknowledge_two_as_one(stage: Stage) -> None:
    seq = stage.sends("ana", "one")
    stage.history.answers(stage.asks("bo", Kind.REACT, ref=2, emoji="👍").id, seq)


def leave_a_hole(stage: Stage) -> None:
    stage.stores({"type": "member.joined", "by": "bo", "user": "bo"})
    stage.log[-1]["seq"] += 1


def skip_one(stage: Stage) -> None:
    stage.stores({"type": "member.joined", "by": "bo", "user": "bo"}, heard=False)
    stage.sends("ana", "after the gap")


def tell_twice(stage: Stage) -> None:
    stage.tells(stage.log[-1])


def catch_up_elsewhere(stage: Stage) -> None:
    stage.subscriptions["bo"].on_caught_up(3)


def tell_before_the_join(stage: Stage) -> None:
    stage.subscriptions["bo"].connects()
    stage.sends("ana", "early")


def omit_among_the_newest(stage: Stage) -> None:
    eve = stage.listener("eve", since=None)
    for seq in (2, 4):
        eve.hears(stage.log[seq - 1])
    eve.on_caught_up(len(stage.log))


def give_too_few_of_the_newest(stage: Stage) -> None:
    eve = stage.listener("eve", since=None)
    eve.hears(stage.log[3])
    eve.on_caught_up(len(stage.log))


def tell_one_another_author(stage: Stage) -> None:
    stage.listener("eve", since=1).hears({**stage.log[1], "by": "bo"})


def tell_one_other_words(stage: Stage) -> None:
    stage.listener("eve", since=2).hears({**stage.log[2], "text": "goodbye"})


def tell_what_was_deleted(stage: Stage) -> None:
    edited = {**stage.log[3], "text": "never mind", "edited_at": "at 5", "deleted_at": None}
    stage.listener("eve", since=3).hears(edited)


def lose_an_edit(stage: Stage) -> None:
    stage.log[1] |= {"text": "hi", "edited_at": None}


def undo_a_deletion(stage: Stage) -> None:
    stage.log[3] |= {"text": "never mind", "deleted_at": None}


def react_otherwise(stage: Stage) -> None:
    request = stage.asks("bo", Kind.REACT, ref=3, emoji="👍")
    seq = stage.stores({"type": "reaction.added", "by": "bo", "ref": 3, "emoji": "🎉"})
    stage.history.answers(request.id, seq)


def speak_for_another(stage: Stage) -> None:
    request = stage.asks("ana", Kind.SEND, "mine")
    event = {"type": "message.created", "by": "bo", "text": "mine", "id": request.id}
    stage.history.answers(request.id, stage.stores(event))


def delete_for_another(stage: Stage) -> None:
    request = stage.asks("ana", Kind.DELETE, ref=2)
    stage.log[1] |= {"text": None, "deleted_at": "now"}
    event = {"type": "message.deleted", "by": "bo", "ref": 2, "author": "ana"}
    stage.history.answers(request.id, stage.stores(event))


def make_up_a_message(stage: Stage) -> None:
    stage.stores({"type": "message.created", "by": "bo", "text": "not me", "id": "unknown"})


def answer_a_retry_otherwise(stage: Stage) -> None:
    first = next(iter(stage.history.requests))
    stage.history.answers(first, 3, duplicate=True)


def answer_a_retry_as_new(stage: Stage) -> None:
    first = next(iter(stage.history.requests))
    stage.history.answers(first, 2)


def refuse_a_retry(stage: Stage) -> None:
    stage.history.record_refusal(next(iter(stage.history.requests)), "forbidden")


def store_what_was_refused(stage: Stage) -> None:
    request = stage.asks("bo", Kind.SEND, "no")
    stage.history.record_refusal(request.id, "forbidden")
    stage.stores({"type": "message.created", "by": "bo", "text": "no", "id": request.id})


def take_it_for_another(stage: Stage) -> None:
    stage.history.record_refusal(stage.asks("bo", Kind.SEND, "mine").id, "id_reused")


def acknowledge_elsewhere(stage: Stage) -> None:
    request = stage.asks("bo", Kind.SEND, "here")
    stage.stores({"type": "message.created", "by": "bo", "text": "here", "id": request.id})
    stage.history.answers(request.id, 3)


@pytest.mark.parametrize(
    ("promise", "tamper"),
    [
        (Promise.KEPT, lose_the_last),
        (Promise.KEPT, another_in_its_place),
        (Promise.KEPT, acknowledge_two_as_one),
        (Promise.REAL, take_back_what_was_heard),
        (Promise.REAL, start_again),
        (Promise.ONCE, store_a_retry_again),
        (Promise.ONCE, store_an_edit_again),
        (Promise.ONCE, acknowledge_two_as_one),
        (Promise.DENSE, leave_a_hole),
        (Promise.IN_ORDER, skip_one),
        (Promise.IN_ORDER, tell_twice),
        (Promise.IN_ORDER, catch_up_elsewhere),
        (Promise.IN_ORDER, tell_before_the_join),
        (Promise.IN_ORDER, omit_among_the_newest),
        (Promise.IN_ORDER, give_too_few_of_the_newest),
        (Promise.SAME, tell_one_another_author),
        (Promise.SAME, tell_one_other_words),
        (Promise.SAME, tell_what_was_deleted),
        (Promise.SAME, lose_an_edit),
        (Promise.SAME, undo_a_deletion),
        (Promise.SAME, react_otherwise),
        (Promise.OWN, speak_for_another),
        (Promise.OWN, delete_for_another),
        (Promise.OWN, make_up_a_message),
        (Promise.RETRY, answer_a_retry_otherwise),
        (Promise.RETRY, answer_a_retry_as_new),
        (Promise.RETRY, refuse_a_retry),
        (Promise.RETRY, store_what_was_refused),
        (Promise.RETRY, take_it_for_another),
        (Promise.RETRY, acknowledge_elsewhere),
    ],
)
def test_tampering_is_found(promise: Promise, tamper: Tampering):
    stage = talk()
    tamper(stage)

    assert promise in stage.verdict()


def test_the_newest_messages_may_be_followed_by_what_happens_meanwhile():
    stage = talk()
    eve = stage.listener("eve", since=None)
    for event in stage.log:
        if event["type"] == "message.created" or event["seq"] == 7:
            eve.hears(event)
    eve.on_caught_up(7)

    assert stage.verdict() == {}
    assert eve.cursor == 7


def test_a_second_join_is_answered_from_its_own_since():
    stage = talk()
    bo = stage.subscriptions["bo"]
    asked = bo.joins(limit=50)
    stage.sends("ana", "meanwhile")
    bo.joined()
    bo.hears(stage.log[7])
    bo.on_caught_up(8)

    assert (asked, bo.cursor) == (7, 8)
    assert stage.verdict() == {}
