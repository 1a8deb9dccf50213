"""Send, edit, delete, react, pin: their effects, and why they are refused."""

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
from app.domain.ids import Millis
from app.domain.limits import MAX_EMOJIS_PER_MESSAGE
from app.domain.roles import Kind
from app.domain.working_set import FOREVER
from tests.domain.env import NOW, ROOM, Env, user_id

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
def env() -> Env:
    """A room with a message of bo, which has seq 1."""
    env = Env()
    env.send("bo", "first")
    return env


def about(kind: type[Append], what: dict[str, object], ref: int = 1) -> dict[str, object]:
    return what if kind is Send else {"ref": ref, **what}


# Authorization


@pytest.mark.parametrize(("kind", "what"), EVERYTHING)
def test_a_non_member_is_refused(env: Env, kind: type[Append], what: dict[str, object]) -> None:
    assert env.person("eve").role is None

    with pytest.raises(Forbidden, match="Join it first"):
        env.decide("eve", kind, **about(kind, what))
    assert env.types == ["message.created"]


@pytest.mark.parametrize(("kind", "what"), EVERYTHING)
def test_an_archived_room_can_not_be_changed(
    env: Env, kind: type[Append], what: dict[str, object]
) -> None:
    env.room.archived_at = NOW

    with pytest.raises(Forbidden, match="archived"):
        env.decide("ana" if kind is Delete else "bo", kind, **about(kind, what))


def test_the_operator_deletes_in_archived_rooms(env: Env) -> None:
    env.room.archived_at = NOW

    assert env.decide(None, Delete, ref=1).seq == 2


@pytest.mark.parametrize(("kind", "what"), EVERYTHING)
def test_muted_members_may_only_delete_their_own_messages(
    env: Env, kind: type[Append], what: dict[str, object]
) -> None:
    env.person("bo").muted_until = Millis(env.at + 1_500)

    if kind is Delete:
        assert env.decide("bo", Delete, ref=1).seq == 2
        return
    with pytest.raises(Muted) as refused:
        env.decide("bo", kind, **about(kind, what))
    assert refused.value.retry_after == 1.5
    env.advance(1.5)
    env.decide("bo", kind, **about(kind, what))


@pytest.mark.parametrize(("kind", "what"), EVERYTHING)
def test_a_blocked_user_may_only_delete_their_own_messages(
    kind: type[Append], what: dict[str, object]
) -> None:
    env = Env(Kind.DIRECT)
    env.send("bo", "first")
    env.person("bo").blocked = True

    if kind is Delete:
        assert env.decide("bo", Delete, ref=1).seq == 2
        return
    with pytest.raises(Forbidden, match="this user"):
        env.decide("bo", kind, **about(kind, what))


@pytest.mark.parametrize(("kind", "what"), ABOUT_MESSAGE)
@pytest.mark.parametrize("ref", [2, 3, 2**32 - 1])
def test_an_event_that_is_not_a_message_is_not_found(
    env: Env, kind: type[Append], what: dict[str, object], ref: int
) -> None:
    env.decide("bo", Pin, ref=1, on=True)
    assert env.types[1] == EventType.MESSAGE_PINNED

    with pytest.raises(MessageNotFound):
        env.decide("ana", kind, **about(kind, what, ref))


# Send


def test_a_message_is_appended(env: Env) -> None:
    committed = env.decide("bo", Send, text=" hi ", data={"a": 1}, client_id="k")

    assert committed == Committed(2, NOW, room=ROOM)
    event = env.ws.events[-1]
    assert event[:8] == (
        ROOM,
        2,
        "message.created",
        user_id("bo"),
        NOW,
        None,
        " hi ",
        {"data": {"a": 1}},
    )
    assert event.client_id == "k"


def test_a_reply_refers_to_its_message(env: Env) -> None:
    env.send("mo", "yes", reply_to=1)

    assert env.ws.events[-1].ref == 1


@pytest.mark.parametrize("ref", [2, 99])
def test_a_reply_to_an_unknown_message_is_refused(env: Env, ref: int) -> None:
    with pytest.raises(MessageNotFound):
        env.send("mo", "yes", reply_to=ref)


def test_a_reply_to_a_deleted_message_is_a_conflict(env: Env) -> None:
    env.decide("bo", Delete, ref=1)

    with pytest.raises(Conflict):
        env.send("mo", "yes", reply_to=1)


def test_only_members_are_mentioned(env: Env) -> None:
    env.send("bo", mentions=["mo", "eve", "unknown", "ana"])

    assert env.ws.events[-1].data == {"mentions": [user_id("mo"), user_id("ana")]}


def test_a_member_is_mentioned_once_by_the_longest_name(env: Env) -> None:
    env.send("bo", mentions=["mo.see", "mo--please", "mo", "ana.mo"])

    assert env.ws.events[-1].data == {"mentions": [user_id("mo"), user_id("ana")]}


def test_mentions_and_data_are_stored_side_by_side(env: Env) -> None:
    env.send("bo", mentions=["mo"], data={"mentions": ["x"]})

    assert env.ws.events[-1].data == {"data": {"mentions": ["x"]}, "mentions": [user_id("mo")]}


def test_slow_mode_applies_to_members(env: Env) -> None:
    env.room.slow_mode_seconds = 10
    env.send("bo")
    env.advance(4)

    with pytest.raises(SlowMode) as refused:
        env.send("bo")

    assert refused.value.retry_after == 6
    for other in ("ana", "ana", "mo", "mo"):
        env.send(other)
    env.advance(6)
    env.send("bo")


def test_an_administrator_does_not_wait(env: Env) -> None:
    env.room.slow_mode_seconds = 10
    env.person("bo").is_admin = True

    assert env.send("bo") < env.send("bo")


def test_a_refused_message_does_not_start_the_wait(env: Env) -> None:
    env.room.slow_mode_seconds = 10

    with pytest.raises(MessageNotFound):
        env.send("bo", reply_to=99)

    env.send("bo")


def test_without_slow_mode_no_time_is_stored(env: Env) -> None:
    env.send("bo")

    assert not env.person("bo").changed


# Edit


def test_an_edit_replaces_the_text(env: Env) -> None:
    env.advance(1)

    committed = env.decide("bo", Edit, ref=1, text="second", mentions=["mo"])

    message = env.ws.message(env.room, 1)
    assert (message.original_text, message.text, message.edited_at) == ("first", "second", env.at)
    assert message.mentions == [user_id("mo")]
    assert env.ws.events[-1][:8] == (
        ROOM,
        committed.seq,
        "message.edited",
        user_id("bo"),
        env.at,
        1,
        "second",
        {"mentions": [user_id("mo")]},
    )


@pytest.mark.parametrize("who", ["mo", "ana"])
def test_only_the_author_edits_a_message(env: Env, who: str) -> None:
    with pytest.raises(Forbidden, match="author"):
        env.decide(who, Edit, ref=1, text="mine now")


def test_the_same_text_changes_nothing(env: Env) -> None:
    assert env.decide("bo", Edit, ref=1, text="first").seq is None
    env.decide("bo", Edit, ref=1, text="second")

    assert env.decide("bo", Edit, ref=1, text="second").seq is None
    assert env.decide("bo", Edit, ref=1, text="first").seq == 3


def test_a_deleted_message_can_not_be_edited(env: Env) -> None:
    env.decide("bo", Delete, ref=1)

    with pytest.raises(Conflict):
        env.decide("bo", Edit, ref=1, text="back")


# Delete


@pytest.mark.parametrize("who", ["bo", "mo", "ana", None])
def test_the_author_and_moderators_delete_a_message(env: Env, who: str | None) -> None:
    env.decide("mo", React, ref=1, emoji="👍", on=True)
    env.decide("mo", Pin, ref=1, on=True)
    env.decide("bo", Edit, ref=1, text="second")

    committed = env.decide(who, Delete, ref=1)

    message = env.ws.message(env.room, 1)
    assert (message.text, message.original_text, message.edited_text) == (None, None, None)
    assert (message.pinned_at, message.reactions, message.mentions) == (None, {}, [])
    assert message.deleted_at == NOW
    event = env.ws.events[-1]
    assert (event.seq, event.type, event.by, event.ref, event.data) == (
        committed.seq, "message.deleted", user_id(who), 1, {"author": user_id("bo")},
    )  # fmt: skip


def test_a_member_does_not_delete_messages_of_others(env: Env) -> None:
    seq = env.send("mo")

    with pytest.raises(Forbidden, match="author or a moderator"):
        env.decide("bo", Delete, ref=seq)


def test_an_administrator_deletes_in_a_public_room_without_being_a_member(env: Env) -> None:
    assert env.person("root").role is None

    assert env.decide("root", Delete, ref=1).seq == 2


def test_deleting_twice_changes_nothing(env: Env) -> None:
    env.decide("bo", Delete, ref=1)

    assert env.decide("mo", Delete, ref=1).seq is None


# React


def test_a_reaction_is_one_event_per_change(env: Env) -> None:
    seqs = [
        env.decide("mo", React, ref=1, emoji="👍", on=on).seq for on in (True, True, False, False)
    ]

    assert seqs == [2, None, 3, None]
    assert env.types[1:] == ["reaction.added", "reaction.removed"]
    assert env.ws.events[1].data == {"emoji": "👍"}
    assert env.ws.message(env.room, 1).reactions == {}
    assert env.ws.reactions_added == [(ROOM, 1, "👍", user_id("mo"), 2)]
    assert env.ws.reactions_removed == [(ROOM, 1, "👍", user_id("mo"))]


def test_reactions_are_per_user(env: Env) -> None:
    for who in ("mo", "ana"):
        env.decide(who, React, ref=1, emoji="👍", on=True)
    env.decide("mo", React, ref=1, emoji="👍", on=False)

    assert env.ws.message(env.room, 1).reactions == {"👍": {user_id("ana")}}


def test_a_reaction_stored_in_another_form_is_the_same(env: Env) -> None:
    message = env.ws.message(env.room, 1)
    message.reactions = {"\u2764": {user_id("bo")}}

    assert env.decide("bo", React, ref=1, emoji="\u2764\ufe0f", on=True).seq is None
    env.decide("mo", React, ref=1, emoji="\u2764\ufe0f", on=True)
    env.decide("bo", React, ref=1, emoji="\u2764\ufe0f", on=False)

    assert message.reactions == {"\u2764": {user_id("mo")}}
    assert env.ws.reactions_removed == [(ROOM, 1, "\u2764", user_id("bo"))]


def test_of_two_stored_forms_the_users_own_is_removed(env: Env) -> None:
    message = env.ws.message(env.room, 1)
    message.reactions = {"\u2764\ufe0f": {user_id("bo")}, "\u2764": {user_id("mo")}}

    env.decide("mo", React, ref=1, emoji="\u2764\ufe0f", on=False)

    assert message.reactions == {"\u2764\ufe0f": {user_id("bo")}}


def test_the_number_of_different_emoji_is_bounded(env: Env) -> None:
    for number in range(MAX_EMOJIS_PER_MESSAGE):
        env.decide("bo", React, ref=1, emoji=chr(0x1F600 + number), on=True)

    with pytest.raises(Invalid):
        env.decide("bo", React, ref=1, emoji="👍", on=True)

    assert env.decide("mo", React, ref=1, emoji="😀", on=True).seq is not None
    env.decide("bo", React, ref=1, emoji=chr(0x1F601), on=False)
    env.decide("bo", React, ref=1, emoji="👍", on=True)


# Pin


def test_a_pin_is_one_event_per_change(env: Env) -> None:
    seqs = [env.decide("mo", Pin, ref=1, on=on).seq for on in (True, True, False, False)]

    assert seqs == [2, None, 3, None]
    assert env.types[1:] == ["message.pinned", "message.unpinned"]
    assert env.ws.message(env.room, 1).pinned_at is None


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        pytest.param(React, {"emoji": "👍"}, id="react"),
        pytest.param(Pin, {}, id="pin"),
    ],
)
def test_a_deleted_message_takes_no_reactions_or_pins(
    env: Env, kind: type[Append], what: dict[str, object]
) -> None:
    env.decide("mo", kind, ref=1, on=True, **what)
    env.decide("bo", Delete, ref=1)

    with pytest.raises(Conflict):
        env.decide("mo", kind, ref=1, on=True, **what)
    assert env.decide("mo", kind, ref=1, on=False, **what).seq is None


# One batch


def test_a_decision_sees_the_earlier_ones_of_its_batch(env: Env) -> None:
    seq = env.send("mo", "made just now")

    env.decide("bo", React, ref=seq, emoji="👍", on=True)
    env.decide("mo", Edit, ref=seq, text="and changed")
    env.send("bo", reply_to=seq)
    env.decide("mo", Delete, ref=seq)

    with pytest.raises(Conflict):
        env.send("bo", reply_to=seq)
    assert env.room.head == 6


def test_events_of_other_rooms_are_not_messages_of_this_one() -> None:
    env = Env()
    env.send("bo")
    env.ws.events[0] = env.ws.events[0]._replace(room=Env().room.id + 1)  # type: ignore[arg-type]

    with pytest.raises(MessageNotFound):
        env.decide("bo", Pin, ref=1, on=True)


def test_a_mute_without_end_never_expires(env: Env) -> None:
    env.person("bo").muted_until = FOREVER
    env.advance(10**9)

    with pytest.raises(Muted):
        env.send("bo")


# Results and changes


@pytest.mark.parametrize(
    ("by", "kind", "what"),
    [
        pytest.param("bo", Edit, {"ref": 1, "text": "first"}, id="the same text"),
        pytest.param("bo", React, {"ref": 1, "emoji": "👍", "on": False}, id="no reaction"),
        pytest.param("mo", Pin, {"ref": 1, "on": False}, id="no pin"),
    ],
)
def test_a_request_that_changes_nothing_has_no_seq(
    env: Env, by: str, kind: type[Append], what: dict[str, object]
) -> None:
    assert env.decide(by, kind, at=NOW + 5, **what) == Committed(None, NOW + 5, room=ROOM)
    assert len(env.ws.events) == 1


def test_a_second_deletion_has_no_seq(env: Env) -> None:
    env.decide("bo", Delete, ref=1)

    assert env.decide("bo", Delete, at=NOW + 5, ref=1) == Committed(None, NOW + 5, room=ROOM)


def test_a_deleted_message_is_marked_as_changed(env: Env) -> None:
    message = env.ws.message(env.room, 1)
    assert not message.changed

    env.decide("bo", Delete, ref=1)

    assert message.changed
    assert (message.original_text, message.edited_text, message.deleted_at) == (None, None, NOW)


def test_a_deletion_removes_the_texts_kept_for_retries() -> None:
    env = Env()
    env.send("bo", "first", client_id="sent")
    other = env.send("bo", "something else", client_id="other")
    env.decide("bo", Edit, ref=1, text="hello", client_id="edited")
    env.decide("bo", Edit, ref=other, text="changed", client_id="other edited")
    env.send("bo", "a reply", client_id="reply", reply_to=1)

    env.decide("bo", Delete, ref=1)

    texts = {key: event.text for (_, _, key), event in env.ws.keys.items()}
    assert texts == {
        "sent": None,
        "edited": None,
        "other": "something else",
        "other edited": "changed",
        "reply": "a reply",
    }


def test_refusals_have_distinct_sentences(env: Env) -> None:
    edit = env.assert_refused(Forbidden, "ana", Edit, ref=1, text="x")
    delete = env.assert_refused(Forbidden, "bea", Delete, ref=1)
    env.decide("bo", Delete, ref=1)
    deleted = env.assert_refused(Conflict, "bo", Edit, ref=1, text="x")

    details = {error.detail for error in (edit, delete, deleted)}
    assert len(details) == 3
    assert all(detail.endswith(".") for detail in details)
