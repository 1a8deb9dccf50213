"""Rules for texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param("", None, id="empty"),
        pytest.param("\U0001f44d a\u202eb\u0007", None, id="emoji and control characters"),
        pytest.param("a\0b", "contains a NUL character", id="NUL"),
        pytest.param("a\ud800b", "contains a lone surrogate", id="lone surrogate"),
    ],
)
def test_a_text_that_can_not_be_stored_has_a_reason(value: str, reason: str | None) -> None:
    assert text.unstorable_reason(value) == reason


@given(st.text(st.characters(codec=None), max_size=50))
def test_a_text_without_a_reason_can_be_stored(value: str) -> None:
    if text.unstorable_reason(value) is None:
        assert "\0" not in value
        value.encode()
