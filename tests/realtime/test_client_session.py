"""One client's conversation, without a socket."""

import json
from typing import Any

import pytest

from app.domain.close_codes import BAD_FRAMES, RATE_LIMITED
from app.domain.limits import MAX_BAD_FRAMES_IN_A_ROW, MAX_RATE_LIMITED
from app.domain.token_bucket import TokenBucket
from app.realtime.client_session import ClientSession, Execute, Reply

ENDS = 900.0


def handler(
    *,
    room: str | None = "den",
    frames: TokenBucket | None = None,
    sends: TokenBucket | None = None,
) -> ClientSession:
    unlimited = TokenBucket(0, 0, 0.0)
    return ClientSession(
        room=room, expires_at=ENDS, frames=frames or unlimited, sends=sends or unlimited
    )


def answer(effect: object) -> Any:
    assert isinstance(effect, Reply)
    return json.loads(effect.payload)


def request(effect: object) -> Any:
    assert isinstance(effect, Execute)
    return effect.request


def test_a_request_is_performed() -> None:
    said = request(handler().receive('{"type":"send","id":"1","text":"hi"}', 0.0))

    assert (said.type, said.id, said.text) == ("send", "1", "hi")


def test_a_missing_room_is_that_of_the_path() -> None:
    client_session = handler()

    assert request(client_session.receive('{"type":"send","text":"hi"}', 0.0)).room == "den"
    assert request(client_session.receive('{"type":"join"}', 0.0)).room == "den"
    said = client_session.receive('{"type":"send","room":"attic","text":"hi"}', 0.0)
    assert request(said).room == "attic"


def test_without_a_path_a_missing_room_is_invalid() -> None:
    client_session = handler(room=None)

    error = answer(client_session.receive('{"type":"send","id":"1","text":"hi"}', 0.0))

    assert (error["code"], error["re"]) == ("invalid", "1")
    assert error["errors"][0]["loc"] == ["room"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        pytest.param("hi", "hi", id="a word"),
        pytest.param("hi\n", "hi", id="a newline, which is cut"),
        pytest.param("hi\r\n", "hi", id="that of Windows"),
        pytest.param("hi\n\n", "hi\n", id="only one of them"),
        pytest.param("[1]", "[1]", id="a list"),
        pytest.param(' {"type":"ping"}', ' {"type":"ping"}', id="a space before the brace"),
    ],
)
def test_what_does_not_begin_with_a_brace_is_said(typed: str, said: str) -> None:
    assert request(handler().receive(typed, 0.0)).text == said


def test_without_a_path_there_is_no_plain_text() -> None:
    error = answer(handler(room=None).receive("hi", 0.0))

    assert error["code"] == "bad_request"
    assert "re" not in error


def test_ping_is_answered_at_once() -> None:
    pong = answer(handler().receive('{"type":"ping","id":"7"}', 0.0))

    assert pong == {"type": "pong", "re": "7"}


def test_what_is_wrong_is_answered_and_can_be_mended() -> None:
    client_session = handler()

    error = answer(client_session.receive('{"type":"send","id":"1","text":""}', 0.0))
    said = request(client_session.receive('{"type":"send","id":"1","text":"x"}', 0.0))

    assert (error["type"], error["re"], error["code"]) == ("error", "1", "invalid")
    assert said.id == "1"


def test_a_binary_frame_is_an_error() -> None:
    assert answer(handler().receive_bytes(0.0))["code"] == "bad_request"


def test_repeated_nonsense_ends_it() -> None:
    client_session = handler()
    nonsense = ['{"type":"shout"}', "{", '{"type":"send"}']

    for n in range(MAX_BAD_FRAMES_IN_A_ROW - 1):
        answer(client_session.receive(nonsense[n % 3], 0.0))

    assert client_session.receive_bytes(0.0) == BAD_FRAMES


def test_a_good_frame_makes_up_for_bad_ones() -> None:
    client_session = handler()
    for _ in range(3):
        for _ in range(MAX_BAD_FRAMES_IN_A_ROW - 1):
            answer(client_session.receive("{", 0.0))
        assert client_session.receive('{"type":"ping"}', 0.0)


def test_frames_that_come_too_fast_are_refused() -> None:
    client_session = handler(frames=TokenBucket(1, 2, 0.0))
    ping = '{"type":"ping","id":"1"}'

    answers = [answer(client_session.receive(ping, 0.0)) for _ in range(3)]

    assert [a["type"] for a in answers] == ["pong", "pong", "error"]
    assert (answers[2]["code"], answers[2]["re"]) == ("rate_limited", "1")
    assert answers[2]["retry_after"] == 1.0
    assert answer(client_session.receive(ping, 1.0))["type"] == "pong"


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
def test_what_writes_counts_as_a_send(frame: dict[str, Any]) -> None:
    sends = TokenBucket(1, 1, 0.0)
    phone, laptop = handler(sends=sends), handler(sends=sends)
    text = json.dumps({**frame, "id": "1"})

    request(phone.receive(text, 0.0))
    error = answer(laptop.receive(text, 0.0))

    assert (error["code"], error["re"]) == ("rate_limited", "1")
    assert request(laptop.receive('{"type":"typing","on":true}', 0.0)).on is True


def test_whoever_goes_on_and_on_is_cut_off() -> None:
    client_session = handler(frames=TokenBucket(0.001, 1, 0.0))
    request(client_session.receive("hi", 0.0))

    for n in range(MAX_RATE_LIMITED - 1):
        answer(client_session.receive("hi", n * 0.01))

    assert client_session.receive("hi", 1.0) == RATE_LIMITED


def test_whoever_is_limited_now_and_then_is_not_cut_off() -> None:
    client_session = handler(frames=TokenBucket(0.001, 1, 0.0))
    request(client_session.receive("hi", 0.0))

    for n in range(MAX_RATE_LIMITED * 2):
        answer(client_session.receive("hi", n * 0.2))


def test_a_token_that_ends_is_announced_once() -> None:
    client_session = handler()

    assert client_session.next_deadline() == ENDS - 60
    assert client_session.tick(ENDS - 61) is None
    assert client_session.tick(ENDS - 60) is False
    assert client_session.next_deadline() == ENDS
    assert client_session.tick(ENDS - 1) is None
    assert client_session.tick(ENDS) is True


def test_a_fresh_token_gives_more_time() -> None:
    client_session = handler()
    client_session.tick(ENDS - 10)

    client_session.extend(ENDS + 900)

    assert client_session.tick(ENDS) is None
    assert client_session.next_deadline() == ENDS + 840
    assert client_session.tick(ENDS + 840) is False
