"""Secrets in every form in which they reach a log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.observability.redaction import MAX_VALUE_CHARACTERS, argument, escape, fact, redact

JWT = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjFhMmIifQ.eyJzdWIiOiI3In0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f'"WebSocket /ws/general?token={JWT}" [accepted]', JWT),
        (f"/ws?since=3&token={JWT}&limit=1", JWT),
        (f"/ws?%74oken={JWT}", JWT),
        ("/ws?token=opaque-and-random", "opaque-and-random"),
        ("/search?q=where+is+the+key", "key"),
        (f"Authorization: Bearer {JWT}", JWT),
        ("authorization: Basic YW5hOmh1bnRlcjI=", "YW5hOmh1bnRlcjI="),
        ("cookie: a=hunter2; b=hunter2", "hunter2"),
        (f"Sec-WebSocket-Protocol: parley.v1, bearer.{JWT}", JWT),
        ("['parley.v1', 'bearer.0123456789abcdef']", "0123456789abcdef"),
        ('{"username": "ana", "password": "hunter\\"2 x"}', "2 x"),
        ("{'current_password': 'hunter2'}", "hunter2"),
        ("password=hunter2&grant_type=password", "hunter2"),
        ("refresh_token: hunter2", "hunter2"),
        ("SECRET_KEY=hunter2", "hunter2"),
        (f"cut short: {JWT[:30]}", JWT[4:30]),
        ('{"type":"send","text":"meet me at nine"}', "nine"),
        ("[parameters: (7, 'meet me at nine')]", "nine"),
        ("invalid input for query argument $2: 'meet me at nine' (no)", "nine"),
        (
            "invalid input for query argument $7 in element #5 of executemany() sequence: "
            "'meet me at nine' (no)",
            "nine",
        ),
        ("DETAIL:  Failing row contains (1, meet me at nine).", "nine"),
        ("type=str, input_value='meet me at nine', input_type=str", "nine"),
        ("POST /invites/k3v9x2m1q8 HTTP/1.1", "k3v9x2m1q8"),
    ],
)
def test_a_secret_is_masked(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert redact(redact(text)) == redact(text)


_WORDS = st.sampled_from(
    ["eyJhbGciOiJI", "bearer", "Basic", "0123456789", "/invites/", "/", ".", "-", "_", "@", "room"]
)


@given(st.lists(_WORDS, max_size=6).map("".join))
def test_a_text_of_words_is_redacted_as_a_part_of_a_sentence_is(text: str) -> None:
    # Only a text of words alone is returned without a look at every pattern.
    assert redact(f"{text} ") == f"{redact(text)} "


@pytest.mark.parametrize(
    "text",
    [
        '127.0.0.1:5000 - "GET /rooms/general/messages?before=7&limit=50 HTTP/1.1" 200',
        "Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)",
        "a basic idea, and the bearer of news",
        "the text of a body",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text())
def test_redaction_is_idempotent_for_any_text(text: str) -> None:
    shown = escape(redact(text))

    assert shown == escape(redact(shown))
    assert "\n" not in shown
    shown.encode()


@pytest.mark.parametrize(
    "text", ["a\r\nb", "\x1b[2J", "\x00", "\x85", "\u2028", "\u202e", "\u2066", "\ud800", "\x9b"]
)
def test_control_characters_are_spelled_out(text: str) -> None:
    assert escape(text).isascii()
    assert escape(text).isprintable()


def test_a_field_keeps_numbers_and_masks_secrets() -> None:
    assert fact("seq", 7) == 7
    assert fact("online", True) is True
    assert fact("user", "ana") == "ana"
    assert fact("code", "banned") == "banned"
    assert fact("text", "meet me at nine") == "***"
    assert fact("Authorization", "anything") == "***"
    assert fact("password", 12345678) == "***"
    assert fact("token", None) is None


def test_a_long_value_is_truncated() -> None:
    assert len(str(fact("agent", "x" * 60_000))) == MAX_VALUE_CHARACTERS + 1


def test_a_scope_keeps_only_harmless_values() -> None:
    scope = {
        "type": "websocket",
        "path": "/ws/general",
        "query_string": f"since=3&token={JWT}".encode(),
        "headers": [(b"authorization", JWT.encode())],
        "subprotocols": ["bearer.hunter2"],
    }

    shown = argument(scope)

    assert shown == {
        "type": "websocket",
        "path": "/ws/general",
        "query_string": "since=3&token=***",
        "headers": "***",
        "subprotocols": "***",
    }
