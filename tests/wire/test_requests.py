"""Requests of clients: the valid ones, and how the others are refused."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadRequest, Invalid, ParleyError
from app.domain.limits import MAX_DATA_BYTES, MAX_SEQ
from app.wire import requests
from app.wire.requests import decode, plain_send, request_id

VALID: dict[str, dict[str, Any]] = {
    "join": {"room": "general", "since": 0, "limit": 200, "epoch": "x"},
    "leave": {"room": "general"},
    "send": {"room": "general", "text": "hi", "reply_to": 1, "data": {"a": [1, None]}},
    "edit": {"ref": 1, "text": "hi"},
    "delete": {"ref": MAX_SEQ},
    "react": {"ref": 1, "emoji": "👍", "on": True},
    "pin": {"ref": 1, "on": False},
    "read": {"seq": 0},
    "typing": {"on": True},
    "auth": {"token": "x"},
    "ping": {},
}


@pytest.mark.parametrize("kind", VALID)
def test_a_valid_frame_is_decoded(kind: str) -> None:
    request = decode(json.dumps({"type": kind, "id": "1", **VALID[kind]}))

    assert request.type == kind
    assert request.id == "1"
    for name, value in VALID[kind].items():
        assert getattr(request, name) == value


@pytest.mark.parametrize("kind", VALID)
def test_an_unknown_field_is_named(kind: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode(json.dumps({"type": kind, **VALID[kind], "colour": "red"}))

    assert refused.value.errors[0]["loc"] == ("colour",)


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        pytest.param({"type": "send"}, "text", id="no text"),
        pytest.param({"type": "send", "text": ""}, "text", id="an empty text"),
        pytest.param({"type": "send", "text": " \n"}, "text", id="white space"),
        pytest.param({"type": "send", "text": "\u200b\u2800"}, "text", id="nothing to see"),
        pytest.param({"type": "edit", "ref": 1, "text": "\u3164"}, "text", id="a blank edit"),
        pytest.param({"type": "send", "text": "x" * 4001}, "text", id="a long text"),
        pytest.param({"type": "send", "text": "a\0b"}, "text", id="NUL"),
        pytest.param({"type": "send", "text": 5}, "text", id="a number for a text"),
        pytest.param({"type": "send", "text": None}, "text", id="null for a text"),
        pytest.param({"type": "send", "text": "x", "id": ""}, "id", id="an empty id"),
        pytest.param({"type": "send", "text": "x", "id": "ü"}, "id", id="an id beyond ASCII"),
        pytest.param({"type": "send", "text": "x", "id": "a\n"}, "id", id="a newline in an id"),
        pytest.param({"type": "send", "text": "x", "id": "x" * 65}, "id", id="a long id"),
        pytest.param({"type": "send", "text": "x", "id": 7}, "id", id="a number for an id"),
        pytest.param({"type": "send", "text": "x", "reply_to": 0}, "reply_to", id="no message 0"),
        pytest.param({"type": "send", "text": "x", "reply_to": "1"}, "reply_to", id="a string"),
        pytest.param({"type": "send", "text": "x", "reply_to": 1.0}, "reply_to", id="a float"),
        pytest.param({"type": "send", "text": "x", "reply_to": True}, "reply_to", id="a bool"),
        pytest.param({"type": "send", "text": "x", "data": []}, "data", id="data is no object"),
        pytest.param(
            {"type": "send", "text": "x", "data": {"x": "y" * MAX_DATA_BYTES}}, "data", id="big"
        ),
        pytest.param(
            {"type": "send", "text": "x", "data": {"x": 10**30}}, "data", id="a huge number"
        ),
        pytest.param({"type": "join", "since": -1}, "since", id="a negative cursor"),
        pytest.param({"type": "join", "since": 2**53}, "since", id="a cursor beyond JavaScript"),
        pytest.param({"type": "join", "limit": 0}, "limit", id="a limit of nothing"),
        pytest.param({"type": "join", "limit": 201}, "limit", id="a limit over the maximum"),
        pytest.param({"type": "join", "room": "x" * 101}, "room", id="a long room"),
        pytest.param({"type": "edit", "ref": MAX_SEQ + 1, "text": "x"}, "ref", id="a huge ref"),
        pytest.param({"type": "react", "ref": 1, "emoji": "", "on": True}, "emoji", id="no emoji"),
        pytest.param({"type": "react", "ref": 1, "emoji": "👍", "on": 1}, "on", id="1 for true"),
        pytest.param({"type": "auth", "token": "x" * 5000}, "token", id="a long token"),
    ],
)
def test_an_invalid_field_is_named_and_its_value_not_repeated(
    frame: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        decode(json.dumps(frame))

    [error] = refused.value.errors
    assert list(error["loc"])[0] == field
    assert refused.value.detail.startswith(field)
    value = frame.get(field)
    if isinstance(value, str) and len(value) > 10:
        assert value not in json.dumps(refused.value.errors)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="half an object"),
        pytest.param("hello", id="a word"),
        pytest.param("[]", id="a list"),
        pytest.param("null", id="null"),
        pytest.param('"send"', id="a string"),
        pytest.param("{}", id="no type"),
        pytest.param('{"type": null}', id="a type of null"),
        pytest.param('{"type": "shout"}', id="an unknown type"),
        pytest.param('{"type": ["send"]}', id="a list for a type"),
        pytest.param('{"type": "ping", "type": "shout"}', id="two types"),
        pytest.param('{"type": "send", "text": "\\ud800"}', id="a lone surrogate, escaped"),
        pytest.param('{"type": "send", "text": "\ud800"}', id="a lone surrogate"),
        pytest.param("[" * 100_000, id="deep lists"),
        pytest.param('{"type":"send","text":"x","data":' + '{"a":' * 5_000, id="deep objects"),
    ],
)
def test_a_frame_that_is_not_a_request_is_a_bad_request(text: str) -> None:
    with pytest.raises(BadRequest):
        decode(text)


def test_a_number_that_is_infinite_or_very_long_is_invalid() -> None:
    for number in ("NaN", "1e999", "-1e999", "1" * 5_000):
        with pytest.raises(ParleyError) as refused:
            decode('{"type": "read", "seq": ' + number + "}")
        assert refused.value.code in ("invalid", "bad_request")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_json_does_not_have_is_refused(number: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode('{"type": "send", "text": "x", "data": {"x": [' + number + "]}}")
    assert list(refused.value.errors[0]["loc"]) == ["data"]


def test_a_plain_text_is_a_message() -> None:
    assert plain_send("good evening").text == "good evening"


@pytest.mark.parametrize("text", ["", "   ", "a\0b", "x" * 4001, "\ud800"])
def test_a_plain_text_that_is_invalid_names_the_text(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        plain_send(text)
    assert refused.value.errors[0]["loc"] == ["text"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param('{"id": "a-1", "type": "shout"}', "a-1", id="of an unknown type"),
        pytest.param('{"id": "x y"}', "x y", id="with a space"),
        pytest.param('{"id": 5}', None, id="a number"),
        pytest.param('{"id": ""}', None, id="empty"),
        pytest.param('{"id": "ü"}', None, id="beyond ASCII"),
        pytest.param('{"id": "a\\n"}', None, id="a newline"),
        pytest.param('{"id": "' + "x" * 65 + '"}', None, id="too long"),
        pytest.param('["id"]', None, id="a list"),
        pytest.param('{"id": "a"', None, id="broken"),
        pytest.param('{"id": "\ud800"}', None, id="a lone surrogate"),
    ],
)
def test_the_id_of_a_refused_frame_is_found(text: str, found: str | None) -> None:
    assert request_id(text) == found


@given(st.text(st.characters(codec=None)) | st.binary().map(lambda b: b.decode("latin-1")))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    with suppress(BadRequest, Invalid):
        assert isinstance(decode(text), requests.Request)
    request_id(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    st.sampled_from(sorted(VALID)),
    st.dictionaries(
        st.sampled_from(["id", "room", "text", "ref", "seq", "on", "data", "since"]), json_values
    ),
)
def test_any_object_is_decoded_or_refused(kind: str, fields: dict[str, Any]) -> None:
    with suppress(BadRequest, Invalid):
        assert isinstance(decode(json.dumps({"type": kind, **fields})), requests.Request)
