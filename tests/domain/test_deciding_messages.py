"""Send, edit, delete, react, pin: what becomes of each, and why it is refused."""

import pytest

from app.domain.appends import Append, Committed, Delete, Edit, Pin, React, Send
from app.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    MessageNotFound,
    Muted,
    SlowMode,
)
from app.domain.events import EventType
from app.domain.ids import Millis, UserId
from app.domain.limits import MAX_EMOJIS_PER_MESSAGE
from app.domain.roles import Kind
from app.domain.working_set import FOREVER
from tests.domain.talk import ADA, ANA, BO, DEN, EVE, MOE, NOW, Talk

ABOUT_MESSAGE = [
    pytest.param(Edit, {"text": "other"}, id="edit"),
    pytest.param(Delete, {}, id="delete"),
    pytest.param(React, {"emoji": "👍", "on": True}, id="react"),
    pytest.param(React, {"emoji": "👍", "on": False}, id="unreact"),
    pytest.param(Pin, {"on": True}, id="pin"),
    pytest.param(Pin, {"on": False}, id="unpin"),
]
EVERYTHING = [pytest.param(Send, {"text": "hi"}, id="send"), *ABOUT_MESSAGE]


@pytest.fixture
def den() -> Talk:
    """With a message of bo's, which is number 1."""
    den = Talk()
    den.says(BO, "first")
    return den


def about(kind: type[Append], what: dict[str, object], ref: int = 1) -> dict[str, object]:
    return what if kind is Send else {"ref": ref, **what}


# Who may


@pytest.mark.parametrize(("kind", "what"), EVERYTHING)
def test_an_outsider_may_nothing(den: Talk, kind: type[Append], what: dict[str, object]) -> None:
    assert den.person(EVE).role is None

    with pytest.raises(Forbidden, match="Join it first"):
        den.does(kind, EVE, **about(kind, what))
    assert den.types == ["message.created"]


@pytest.mark.parametrize(("kind", "what"), EVERYTHING)
def test_in_an_archived_room_nothing_changes(
    den: Talk, kind: type[Append], what: dict[str, object]
) -> None:
    den.room.archived_at = NOW

    with pytest.raises(Forbidden, match="archived"):
        den.does(kind, ANA if kind is Delete else BO, **about(kind, what))


def test_the_operator_deletes_in_an_archived_room_too(den: Talk) -> None:
    den.room.archived_at = NOW

    assert den.does(Delete, None, ref=1).seq == 2


@pytest.mark.parametrize(("kind", "what"), EVERYTHING)
def test_the_muted_may_only_take_back_what_they_said(
    den: Talk, kind: type[Append], what: dict[str, object]
) -> None:
    den.person(BO).muted_until = Millis(den.at + 1_500)

    if kind is Delete:
        assert den.does(Delete, BO, ref=1).seq == 2
        return
    with pytest.raises(Muted) as refused:
        den.does(kind, BO, **about(kind, what))
    assert refused.value.retry_after == 1.5
    den.pass_time(1.5)
    den.does(kind, BO, **about(kind, what))


@pytest.mark.parametrize(("kind", "what"), EVERYTHING)
def test_the_blocked_may_not_write_to_who_blocked_them(
    kind: type[Append], what: dict[str, object]
) -> None:
    den = Talk(Kind.DIRECT)
    den.says(BO, "first")
    den.person(BO).blocked = True

    if kind is Delete:
        assert den.does(Delete, BO, ref=1).seq == 2
        return
    with pytest.raises(Forbidden, match="this user"):
        den.does(kind, BO, **about(kind, what))


@pytest.mark.parametrize(("kind", "what"), ABOUT_MESSAGE)
@pytest.mark.parametrize("ref", [2, 3, 2**32 - 1])
def test_what_is_no_message_is_not_found(
    den: Talk, kind: type[Append], what: dict[str, object], ref: int
) -> None:
    den.does(Pin, BO, ref=1, on=True)
    assert den.types[1] == EventType.MESSAGE_PINNED

    with pytest.raises(MessageNotFound):
        den.does(kind, ANA, **about(kind, what, ref))


# Send


def test_a_message_is_appended(den: Talk) -> None:
    done = den.does(Send, BO, text=" hi ", data={"a": 1}, client_id="k")

    assert done == Committed(2, NOW, room=DEN)
    event = den.ws.events[-1]
    assert event[:8] == (DEN, 2, "message.created", BO, NOW, None, " hi ", {"data": {"a": 1}})
    assert event.client_id == "k"


def test_a_reply_names_its_message(den: Talk) -> None:
    den.says(MOE, "yes", reply_to=1)

    assert den.ws.events[-1].ref == 1


@pytest.mark.parametrize("ref", [2, 99])
def test_a_reply_to_nothing_is_refused(den: Talk, ref: int) -> None:
    with pytest.raises(MessageNotFound):
        den.says(MOE, "yes", reply_to=ref)


def test_a_reply_to_a_deleted_message_is_a_conflict(den: Talk) -> None:
    den.does(Delete, BO, ref=1)

    with pytest.raises(Conflict):
        den.says(MOE, "yes", reply_to=1)


def test_members_are_mentioned_and_nobody_else(den: Talk) -> None:
    den.says(BO, mentions=["moe", "eve", "nobody", "ana"])

    assert den.ws.events[-1].data == {"mentions": [MOE, ANA]}


def test_mentions_and_data_go_together(den: Talk) -> None:
    den.says(BO, mentions=["moe"], data={"mentions": ["x"]})

    assert den.ws.events[-1].data == {"data": {"mentions": ["x"]}, "mentions": [MOE]}


def test_slow_mode_is_for_members(den: Talk) -> None:
    den.room.slow_mode_seconds = 10
    den.says(BO)
    den.pass_time(4)

    with pytest.raises(SlowMode) as refused:
        den.says(BO)

    assert refused.value.retry_after == 6
    for other in (ANA, ANA, MOE, MOE):
        den.says(other)
    den.pass_time(6)
    den.says(BO)


def test_an_administrator_does_not_wait(den: Talk) -> None:
    den.room.slow_mode_seconds = 10
    den.person(BO).is_admin = True

    assert den.says(BO) < den.says(BO)


def test_what_is_refused_does_not_start_the_wait(den: Talk) -> None:
    den.room.slow_mode_seconds = 10

    with pytest.raises(MessageNotFound):
        den.says(BO, reply_to=99)

    den.says(BO)


def test_without_slow_mode_nobody_is_written_down(den: Talk) -> None:
    den.says(BO)

    assert not den.person(BO).changed


# Edit


def test_a_message_gets_another_wording(den: Talk) -> None:
    den.pass_time(1)

    done = den.does(Edit, BO, ref=1, text="second", mentions=["moe"])

    message = den.ws.message(den.room, 1)
    assert (message.said, message.text, message.edited_at) == ("first", "second", den.at)
    assert message.mentions == [MOE]
    assert den.ws.events[-1][:8] == (
        DEN, done.seq, "message.edited", BO, den.at, 1, "second", {"mentions": [MOE]},
    )  # fmt: skip


@pytest.mark.parametrize("who", [MOE, ANA])
def test_only_its_author_edits_a_message(den: Talk, who: UserId) -> None:
    with pytest.raises(Forbidden, match="author"):
        den.does(Edit, who, ref=1, text="mine now")


def test_the_same_wording_changes_nothing(den: Talk) -> None:
    assert den.does(Edit, BO, ref=1, text="first").seq is None
    den.does(Edit, BO, ref=1, text="second")

    assert den.does(Edit, BO, ref=1, text="second").seq is None
    assert den.does(Edit, BO, ref=1, text="first").seq == 3


def test_a_deleted_message_can_not_be_edited(den: Talk) -> None:
    den.does(Delete, BO, ref=1)

    with pytest.raises(Conflict):
        den.does(Edit, BO, ref=1, text="back")


# Delete


@pytest.mark.parametrize("who", [BO, MOE, ANA, None])
def test_its_author_and_moderators_delete_a_message(den: Talk, who: UserId | None) -> None:
    den.does(React, MOE, ref=1, emoji="👍", on=True)
    den.does(Pin, MOE, ref=1, on=True)
    den.does(Edit, BO, ref=1, text="second")

    done = den.does(Delete, who, ref=1)

    message = den.ws.message(den.room, 1)
    assert (message.text, message.said, message.edited_text) == (None, None, None)
    assert (message.pinned_at, message.reactions, message.mentions) == (None, {}, [])
    assert message.deleted_at == NOW
    event = den.ws.events[-1]
    assert (event.seq, event.type, event.by, event.ref, event.data) == (
        done.seq, "message.deleted", who, 1, {"author": BO},
    )  # fmt: skip


def test_a_member_does_not_delete_what_others_said(den: Talk) -> None:
    seq = den.says(MOE)

    with pytest.raises(Forbidden, match="author or a moderator"):
        den.does(Delete, BO, ref=seq)


def test_an_administrator_deletes_in_a_public_room_without_being_a_member(den: Talk) -> None:
    assert den.person(ADA).role is None

    assert den.does(Delete, ADA, ref=1).seq == 2


def test_deleting_twice_changes_nothing(den: Talk) -> None:
    den.does(Delete, BO, ref=1)

    assert den.does(Delete, MOE, ref=1).seq is None


# React


def test_a_reaction_is_one_event_per_real_change(den: Talk) -> None:
    seqs = [
        den.does(React, MOE, ref=1, emoji="👍", on=on).seq for on in (True, True, False, False)
    ]

    assert seqs == [2, None, 3, None]
    assert den.types[1:] == ["reaction.added", "reaction.removed"]
    assert den.ws.events[1].data == {"emoji": "👍"}
    assert den.ws.message(den.room, 1).reactions == {}
    assert den.ws.reactions_added == [(DEN, 1, "👍", MOE, 2)]
    assert den.ws.reactions_removed == [(DEN, 1, "👍", MOE)]


def test_everybody_reacts_for_themselves(den: Talk) -> None:
    for who in (MOE, ANA):
        den.does(React, who, ref=1, emoji="👍", on=True)
    den.does(React, MOE, ref=1, emoji="👍", on=False)

    assert den.ws.message(den.room, 1).reactions == {"👍": {ANA}}


def test_a_message_takes_so_many_different_emoji(den: Talk) -> None:
    for number in range(MAX_EMOJIS_PER_MESSAGE):
        den.does(React, BO, ref=1, emoji=chr(0x1F600 + number), on=True)

    with pytest.raises(Invalid):
        den.does(React, BO, ref=1, emoji="👍", on=True)

    assert den.does(React, MOE, ref=1, emoji="😀", on=True).seq is not None
    den.does(React, BO, ref=1, emoji=chr(0x1F601), on=False)
    den.does(React, BO, ref=1, emoji="👍", on=True)


# Pin


def test_a_pin_is_one_event_per_real_change(den: Talk) -> None:
    seqs = [den.does(Pin, MOE, ref=1, on=on).seq for on in (True, True, False, False)]

    assert seqs == [2, None, 3, None]
    assert den.types[1:] == ["message.pinned", "message.unpinned"]
    assert den.ws.message(den.room, 1).pinned_at is None


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        pytest.param(React, {"emoji": "👍"}, id="react"),
        pytest.param(Pin, {}, id="pin"),
    ],
)
def test_on_a_deleted_message_nothing_is_put_and_there_is_nothing_to_take_off(
    den: Talk, kind: type[Append], what: dict[str, object]
) -> None:
    den.does(kind, MOE, ref=1, on=True, **what)
    den.does(Delete, BO, ref=1)

    with pytest.raises(Conflict):
        den.does(kind, MOE, ref=1, on=True, **what)
    assert den.does(kind, MOE, ref=1, on=False, **what).seq is None


# One batch


def test_the_next_in_a_batch_sees_what_the_one_before_did(den: Talk) -> None:
    seq = den.says(MOE, "made just now")

    den.does(React, BO, ref=seq, emoji="👍", on=True)
    den.does(Edit, MOE, ref=seq, text="and changed")
    den.says(BO, reply_to=seq)
    den.does(Delete, MOE, ref=seq)

    with pytest.raises(Conflict):
        den.says(BO, reply_to=seq)
    assert den.room.head == 6


def test_events_of_other_rooms_are_not_messages_of_this_one() -> None:
    den = Talk()
    den.says(BO)
    den.ws.events[0] = den.ws.events[0]._replace(room=Talk().room.id + 1)  # type: ignore[arg-type]

    with pytest.raises(MessageNotFound):
        den.does(Pin, BO, ref=1, on=True)


def test_for_good_is_later_than_anything(den: Talk) -> None:
    den.person(BO).muted_until = FOREVER
    den.pass_time(10**9)

    with pytest.raises(Muted):
        den.says(BO)
