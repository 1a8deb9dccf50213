"""Messages as JSON."""

from typing import Any

import orjson

from app.domain.ids import Millis, RoomId, Seq
from app.domain.views import MessagePage, MessageView
from app.wire.messages import message_body, message_event, page_json

AT = Millis(1_795_248_000_000)
AT_ISO = "2026-11-21T08:00:00.000Z"


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


def test_a_message_has_every_field() -> None:
    body = message_body(message(reactions={"👍": ["bo"]}, mentions=["bo"], reply_count=2), "den")

    assert body == {
        "room": "den",
        "seq": 5,
        "at": AT_ISO,
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


def test_a_message_as_an_event_has_the_current_state() -> None:
    view = message(client_id="1", edited_at=AT)

    body = message_event(view, "den")

    assert body["type"] == "message.created"
    assert body["id"] == "1"
    assert body["edited_at"] == AT_ISO
    assert {**message_body(view, "den"), **body} == body


def test_a_page_has_its_place_in_the_log() -> None:
    page = MessagePage([message()], head=9, first=2, has_older=True, has_newer=False)

    assert orjson.loads(page_json(page, "den", "8a41")) == {
        "messages": [message_body(message(), "den")],
        "head": 9,
        "first": 2,
        "epoch": "8a41",
        "has_older": True,
        "has_newer": False,
    }
