"""Rules for texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import text
from app.domain.errors import Invalid
from app.domain.limits import (
    MAX_MENTIONS_PER_MESSAGE,
    MAX_TITLE_CHARACTERS,
)


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


def test_a_title_is_stripped() -> None:
    assert text.title("  The den \n") == "The den"
    assert text.title("") == ""


@pytest.mark.parametrize(
    "value", ["x" * (MAX_TITLE_CHARACTERS + 1), "a\0", "\udfff"], ids=["long", "NUL", "surrogate"]
)
def test_an_invalid_title_is_refused(value: str) -> None:
    with pytest.raises(Invalid) as refused:
        text.title(value)
    assert refused.value.errors[0]["loc"] == ["title"]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        pytest.param("no one", [], id="none"),
        pytest.param("@bo and @Ana.", ["bo", "ana"], id="two, and a full stop"),
        pytest.param("@bo @BO @bo", ["bo"], id="each once"),
        pytest.param("(@bo)", ["bo"], id="in brackets"),
        pytest.param("write to ana@example.org", [], id="an address"),
        pytest.param("@@bo", [], id="two at signs"),
        pytest.param("@_bo @-", [], id="not a name"),
        pytest.param("@a.b_c-d!", ["a.b_c-d"], id="marks inside"),
    ],
)
def test_mentions(value: str, names: list[str]) -> None:
    assert text.mentioned(value) == names


def test_mentions_are_bounded() -> None:
    crowd = " ".join(f"@user{n}" for n in range(200))

    assert len(text.mentioned(crowd)) == MAX_MENTIONS_PER_MESSAGE


@given(st.text(st.characters(codec=None), max_size=50))
def test_a_text_without_a_reason_can_be_stored(value: str) -> None:
    if text.unstorable_reason(value) is None:
        assert "\0" not in value
        value.encode()
