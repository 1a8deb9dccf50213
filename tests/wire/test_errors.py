"""Errors as a problem body, an error frame and a close."""

import json

import pytest

from app.domain.errors import (
    Banned,
    Conflict,
    Internal,
    Invalid,
    InvalidGrant,
    RoomNotFound,
    SlowMode,
    Unavailable,
)
from app.wire.errors import close_for, error_frame, problem


def test_a_problem_has_the_fields_of_rfc_9457() -> None:
    assert problem(RoomNotFound()) == {
        "type": "/errors/room_not_found",
        "title": "No such room",
        "status": 404,
        "detail": "There is no such room, or you are not in it.",
        "code": "room_not_found",
    }


def test_the_fields_of_particular_errors_are_added() -> None:
    invalid = Invalid.field("text", "is empty")

    assert problem(invalid)["errors"] == invalid.errors
    assert problem(InvalidGrant())["error"] == "invalid_grant"
    assert problem(SlowMode(retry_after=2.12345))["retry_after"] == 2.123
    assert problem(SlowMode(retry_after=0))["retry_after"] == 0.001


def test_a_frame_names_its_request() -> None:
    frame = json.loads(error_frame(Invalid.field("text", "is empty"), "7"))

    assert frame == {
        "type": "error",
        "re": "7",
        "code": "invalid",
        "detail": "text: is empty",
        "errors": [{"loc": ["text"], "type": "value_error", "msg": "is empty"}],
    }
    assert "re" not in json.loads(error_frame(Conflict(), None))
    assert json.loads(error_frame(Unavailable(), None))["retry_after"] == 1.0


def test_only_an_error_that_ends_a_connection_is_a_close() -> None:
    assert close_for(Conflict()) is None
    assert close_for(Banned()) == (4003, "banned: You are banned from this room.")


@pytest.mark.parametrize("letter", ["x", "ü", "👍"])
def test_a_reason_fits_into_a_control_frame(letter: str) -> None:
    close = close_for(Internal(letter * 200))

    assert close is not None
    assert 110 < len(close.reason.encode()) <= 123
    assert set(close.reason.removeprefix("internal: ")) == {letter}
