"""Payloads that the server sends besides events."""

import json
from typing import Any

from app.domain.appends import Committed
from app.domain.ids import Millis
from app.wire import answers

AT = Millis(1_795_248_000_000)


def read(payload: bytes) -> Any:
    return json.loads(payload)


def test_welcome_lists_rooms_only_without_a_room_in_the_path() -> None:
    what: dict[str, Any] = {
        "user": "bo",
        "display_name": "Bo",
        "epoch": "e",
        "now": AT,
        "heartbeat_seconds": 25,
        "expires_in": 899,
        "limits": {"text_characters": 4000},
    }

    inside = read(answers.welcome(**what, rooms=None))
    outside = read(answers.welcome(**what, rooms=[]))

    assert inside == {
        "type": "welcome",
        "user": "bo",
        "display_name": "Bo",
        "epoch": "e",
        "server_time": "2026-11-21T08:00:00.000Z",
        "heartbeat_seconds": 25,
        "expires_in": 899,
        "limits": {"text_characters": 4000},
    }
    assert outside == {**inside, "rooms": []}


def test_an_ack_has_a_seq_if_something_was_stored() -> None:
    at = "2026-11-21T08:00:00.000Z"

    assert read(answers.append_ack("1", Committed(7, AT))) == {
        "type": "ack",
        "re": "1",
        "seq": 7,
        "at": at,
    }
    assert read(answers.append_ack(None, Committed(None, AT))) == {"type": "ack", "at": at}
    assert read(answers.append_ack("1", Committed(7, AT, duplicate=True)))["duplicate"] is True


def test_an_answer_has_the_id_of_its_request() -> None:
    for re, named in (("x", {"re": "x"}), (None, {})):
        assert read(answers.pong(re)) == {"type": "pong", **named}
        assert read(answers.ack(re, read=3)) == {"type": "ack", **named, "read": 3}
        assert read(answers.joined(re, {"room": "a"})) == {
            "type": "joined",
            **named,
            "room": "a",
        }
        assert read(answers.reset(re, {"room": "a"}))["type"] == "reset"
        assert read(answers.caught_up(re, "a", 9)) == {
            "type": "caught_up",
            **named,
            "room": "a",
            "seq": 9,
        }


def test_a_signal_may_have_any_fields() -> None:
    assert read(answers.signal("typing", room="a", by="bo", on=True)) == {
        "type": "typing",
        "room": "a",
        "by": "bo",
        "on": True,
    }
