"""What a text may hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import text
from app.domain.errors import Invalid
from app.domain.limits import (
    MAX_MENTIONS_PER_MESSAGE,
    MAX_TEXT_CHARACTERS,
    MAX_TITLE_CHARACTERS,
)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("x", id="one character"),
        pytest.param("  x\n", id="white space around"),
        pytest.param("x" * MAX_TEXT_CHARACTERS, id="as long as may be"),
        pytest.param("\U0001f44d" * MAX_TEXT_CHARACTERS, id="characters, not bytes"),
        pytest.param("a\u202eb\u0007", id="control characters"),
        pytest.param("<script>alert(1)</script>", id="mark-up"),
    ],
)
def test_a_text_is_kept_as_it_was_sent(said: str) -> None:
    assert text.message_text(said) == said


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param(" \n\t\u2003", "is empty", id="only white space"),
        pytest.param("x" * (MAX_TEXT_CHARACTERS + 1), "is longer than 4,000", id="too long"),
        pytest.param("a\0b", "holds a NUL character", id="NUL"),
        pytest.param("a\ud800b", "holds a lone surrogate", id="lone surrogate"),
    ],
)
def test_what_can_t_be_said_names_the_field(said: str, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        text.message_text(said, "words")

    [error] = refused.value.errors
    assert error["loc"] == ["words"]
    assert error["msg"].startswith(why)
    assert said == "" or said not in refused.value.detail


def test_a_title_loses_the_space_around_it() -> None:
    assert text.title("  The den \n") == "The den"
    assert text.title("") == ""


@pytest.mark.parametrize(
    "said", ["x" * (MAX_TITLE_CHARACTERS + 1), "a\0", "\udfff"], ids=["long", "NUL", "surrogate"]
)
def test_a_title_that_can_t_be_kept_is_refused(said: str) -> None:
    with pytest.raises(Invalid) as refused:
        text.title(said)
    assert refused.value.errors[0]["loc"] == ["title"]


@pytest.mark.parametrize(
    ("said", "named"),
    [
        pytest.param("nobody", [], id="none"),
        pytest.param("@bo and @Ana.", ["bo", "ana"], id="two, and a full stop"),
        pytest.param("@bo @BO @bo", ["bo"], id="each once"),
        pytest.param("(@bo)", ["bo"], id="in brackets"),
        pytest.param("write to ana@example.org", [], id="an address"),
        pytest.param("@@bo", [], id="two at signs"),
        pytest.param("@_bo @-", [], id="no name"),
        pytest.param("@a.b_c-d!", ["a.b_c-d"], id="marks inside"),
    ],
)
def test_mentions(said: str, named: list[str]) -> None:
    assert text.mentioned(said) == named


def test_mentions_are_bounded() -> None:
    crowd = " ".join(f"@user{n}" for n in range(200))

    assert len(text.mentioned(crowd)) == MAX_MENTIONS_PER_MESSAGE


@given(st.text(st.characters(codec=None), max_size=50))
def test_what_passes_can_be_stored(said: str) -> None:
    if text.fault(said) is None:
        assert "\0" not in said
        said.encode()
