"""Messages, rooms and members as JSON."""

from typing import Any

import pytest

from app.domain.ids import Millis, RoomId, Seq
from app.domain.roles import Kind, Role
from app.domain.views import MemberView, MessageView, RoomView
from app.wire.messages import message_body, message_event
from app.wire.rooms import member_body, room_body, view_body

AT = Millis(1_795_248_000_000)
SHOWN = "2026-11-21T08:00:00.000Z"


def message(**what: Any) -> MessageView:
    return MessageView(
        **{
            "room": RoomId(1),
            "seq": Seq(5),
            "at": AT,
            "by": "ana",
            "text": "hi",
            "data": None,
            "reply_to": None,
            "client_id": None,
            "edited_at": None,
            "deleted_at": None,
            "pinned": False,
            **what,
        }
    )


def view(**what: Any) -> RoomView:
    return RoomView(
        **{
            "room": RoomId(1),
            "name": "den",
            "title": "Den",
            "kind": Kind.PUBLIC,
            "head": 9,
            "first": 1,
            "created_at": AT,
            "archived_at": None,
            "slow_mode_seconds": 0,
            "role": None,
            "banned_until": None,
            "read": 4,
            "unread": 3,
            "mentions": 1,
            "other": None,
            **what,
        }
    )


def test_a_message_has_every_field() -> None:
    shown = message_body(message(reactions={"👍": ["bo"]}, mentions=["bo"], reply_count=2), "den")

    assert shown == {
        "room": "den",
        "seq": 5,
        "at": SHOWN,
        "by": "ana",
        "text": "hi",
        "reply_to": None,
        "edited_at": None,
        "deleted_at": None,
        "pinned": False,
        "reactions": {"👍": ["bo"]},
        "mentions": ["bo"],
        "replies": {"count": 2, "last_seq": None},
    }
    assert message_body(message(data={"x": 1}), "den")["data"] == {"x": 1}


def test_in_a_replay_of_the_newest_a_message_is_an_event_with_all_that_it_is_now() -> None:
    view = message(client_id="1", edited_at=AT)

    shown = message_event(view, "den")

    assert shown["type"] == "message.created"
    assert shown["id"] == "1"
    assert shown["edited_at"] == SHOWN
    assert {**message_body(view, "den"), **shown} == shown


def test_a_room_shows_a_stranger_nothing_of_reading() -> None:
    shown = room_body(view())

    assert [shown[name] for name in ("member", "role", "read", "unread", "mentions", "as_of")] == (
        [None] * 6
    )
    assert "with" not in shown


def test_a_room_shows_a_member_where_they_stand() -> None:
    shown = room_body(view(role=Role.OWNER, archived_at=AT))

    assert shown == {
        "name": "den",
        "title": "Den",
        "kind": "public",
        "head": 9,
        "first": 1,
        "created_at": SHOWN,
        "archived": True,
        "slow_mode_seconds": 0,
        "member": True,
        "role": "owner",
        "read": 4,
        "unread": 3,
        "mentions": 1,
        "as_of": 9,
    }
    assert view_body(view(role=Role.OWNER))["as_of"] == 9


def test_a_direct_room_says_with_whom() -> None:
    assert room_body(view(kind=Kind.DIRECT, other="bo", role=Role.MEMBER))["with"] == "bo"


@pytest.mark.parametrize(
    ("what", "may"),
    [
        pytest.param({}, True, id="a public room"),
        pytest.param({"kind": Kind.PRIVATE}, False, id="a private one"),
        pytest.param({"kind": Kind.DIRECT}, False, id="a direct one"),
        pytest.param({"kind": Kind.PRIVATE, "role": Role.MEMBER}, True, id="a member"),
        pytest.param({"banned_until": AT + 1}, False, id="banned"),
        pytest.param({"banned_until": AT}, True, id="no longer banned"),
    ],
)
def test_who_may_read(what: dict[str, Any], may: bool) -> None:
    assert view(**what).may_read(AT) is may


def test_a_member_is_shown() -> None:
    assert member_body(MemberView("bo", "Bo", Role.MEMBER, AT, None)) == {
        "user": "bo",
        "display_name": "Bo",
        "role": "member",
        "joined_at": SHOWN,
        "muted_until": None,
    }
