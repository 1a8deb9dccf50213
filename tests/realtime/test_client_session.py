"""A client's session: text in, effects out."""

import json
from typing import Any

import pytest

from app.domain.close_codes import BAD_FRAMES, RATE_LIMITED
from app.domain.connection_limits import MAX_BAD_FRAMES_IN_A_ROW, MAX_RATE_LIMITED
from app.domain.token_bucket import TokenBucket
from app.realtime.client_session import ClientSession, Execute, Reply


def session(
    *,
    room: str | None = "den",
    frames: TokenBucket | None = None,
    sends: TokenBucket | None = None,
) -> ClientSession:
    unlimited = TokenBucket(0, 0, 0.0)
    return ClientSession(room=room, frames=frames or unlimited, sends=sends or unlimited)


def reply(effect: object) -> Any:
    assert isinstance(effect, Reply)
    return json.loads(effect.payload)


def request(effect: object) -> Any:
    assert isinstance(effect, Execute)
    return effect.request


def test_a_request_is_executed() -> None:
    send = request(session().receive('{"type":"send","id":"1","text":"hi"}', 0.0))

    assert (send.type, send.id, send.text) == ("send", "1", "hi")


def test_a_missing_room_defaults_to_the_room_in_the_path() -> None:
    client_session = session()

    assert request(client_session.receive('{"type":"send","text":"hi"}', 0.0)).room == "den"
    assert request(client_session.receive('{"type":"join"}', 0.0)).room == "den"
    send = client_session.receive('{"type":"send","room":"attic","text":"hi"}', 0.0)
    assert request(send).room == "attic"


def test_without_a_path_a_missing_room_is_invalid() -> None:
    client_session = session(room=None)

    error = reply(client_session.receive('{"type":"send","id":"1","text":"hi"}', 0.0))

    assert (error["code"], error["re"]) == ("invalid", "1")
    assert error["errors"][0]["loc"] == ["room"]


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        pytest.param("hi", "hi", id="a word"),
        pytest.param("hi\n", "hi", id="a newline, which is removed"),
        pytest.param("hi\r\n", "hi", id="a Windows newline"),
        pytest.param("hi\n\n", "hi\n", id="only one newline"),
        pytest.param("[1]", "[1]", id="a list"),
        pytest.param(' {"type":"ping"}', ' {"type":"ping"}', id="a space before the brace"),
    ],
)
def test_text_that_does_not_begin_with_a_brace_is_sent(typed: str, text: str) -> None:
    assert request(session().receive(typed, 0.0)).text == text


def test_without_a_room_in_the_path_plain_text_is_an_error() -> None:
    error = reply(session(room=None).receive("hi", 0.0))

    assert error["code"] == "bad_request"
    assert "re" not in error


def test_a_ping_is_replied_to_without_a_request() -> None:
    pong = reply(session().receive('{"type":"ping","id":"7"}', 0.0))

    assert pong == {"type": "pong", "re": "7"}


def test_an_invalid_request_gets_an_error_and_its_id_can_be_used_again() -> None:
    client_session = session()

    error = reply(client_session.receive('{"type":"send","id":"1","text":""}', 0.0))
    send = request(client_session.receive('{"type":"send","id":"1","text":"x"}', 0.0))

    assert (error["type"], error["re"], error["code"]) == ("error", "1", "invalid")
    assert send.id == "1"


def test_a_binary_frame_is_an_error() -> None:
    assert reply(session().receive_bytes(0.0))["code"] == "bad_request"


def test_too_many_bad_frames_in_a_row_close_the_connection() -> None:
    client_session = session()
    bad = ['{"type":"shout"}', "{", '{"type":"send"}']

    for n in range(MAX_BAD_FRAMES_IN_A_ROW - 1):
        reply(client_session.receive(bad[n % 3], 0.0))

    assert client_session.receive_bytes(0.0) == BAD_FRAMES


def test_a_good_frame_resets_the_count_of_bad_ones() -> None:
    client_session = session()
    for _ in range(3):
        for _ in range(MAX_BAD_FRAMES_IN_A_ROW - 1):
            reply(client_session.receive("{", 0.0))
        assert client_session.receive('{"type":"ping"}', 0.0)


def test_frames_over_the_rate_limit_are_refused() -> None:
    client_session = session(frames=TokenBucket(1, 2, 0.0))
    ping = '{"type":"ping","id":"1"}'

    replies = [reply(client_session.receive(ping, 0.0)) for _ in range(3)]

    assert [a["type"] for a in replies] == ["pong", "pong", "error"]
    assert (replies[2]["code"], replies[2]["re"]) == ("rate_limited", "1")
    assert replies[2]["retry_after"] == 1.0
    assert reply(client_session.receive(ping, 1.0))["type"] == "pong"


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "send", "text": "x"},
        {"type": "edit", "ref": 1, "text": "x"},
        {"type": "delete", "ref": 1},
        {"type": "react", "ref": 1, "emoji": "👍", "on": True},
        {"type": "pin", "ref": 1, "on": True},
    ],
    ids=lambda frame: frame["type"],
)
def test_every_append_counts_as_a_send(frame: dict[str, Any]) -> None:
    sends = TokenBucket(1, 1, 0.0)
    phone, laptop = session(sends=sends), session(sends=sends)
    text = json.dumps({**frame, "id": "1"})

    request(phone.receive(text, 0.0))
    error = reply(laptop.receive(text, 0.0))

    assert (error["code"], error["re"]) == ("rate_limited", "1")
    assert request(laptop.receive('{"type":"typing","on":true}', 0.0)).on is True


def test_a_client_that_ignores_the_rate_limit_is_closed() -> None:
    client_session = session(frames=TokenBucket(0.001, 1, 0.0))
    request(client_session.receive("hi", 0.0))

    for n in range(MAX_RATE_LIMITED - 1):
        reply(client_session.receive("hi", n * 0.01))

    assert client_session.receive("hi", 1.0) == RATE_LIMITED


def test_a_client_that_is_limited_now_and_then_stays_connected() -> None:
    client_session = session(frames=TokenBucket(0.001, 1, 0.0))
    request(client_session.receive("hi", 0.0))

    for n in range(MAX_RATE_LIMITED * 2):
        reply(client_session.receive("hi", n * 0.2))
