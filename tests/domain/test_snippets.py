"""Excerpts of found messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.limits import SNIPPET_CHARACTERS
from app.domain.snippets import CLOSE, CUT, OPEN, snippet
from app.domain.words import phrases

FAR = "far " * 100


@pytest.mark.parametrize(
    ("text", "query", "shown"),
    [
        pytest.param("Shall we go?", "GO", "Shall we «go»?", id="one match"),
        pytest.param("go, Go, gone", "go", "«go», «Go», gone", id="whole words"),
        pytest.param("I don't", "don't", "I «don't»", id="a phrase"),
        pytest.param("t don", "don't", "t don", id="not in this order"),
        pytest.param("in Tōkyō", "tokyo", "in «Tōkyō»", id="accents stay"),
        pytest.param("東京タワー", "京タ", "東«京タ»ワー", id="a part"),
        pytest.param("a b c", "b 'a-b' c", "«a b» «c»", id="overlapping"),
        pytest.param("東京", "京 東", "«東»«京»", id="side by side"),
        pytest.param("<b>go</b>", "go", "<b>«go»</b>", id="markup is text"),
        pytest.param("nothing", "go", "nothing", id="no match"),
    ],
)
def test_matches_are_marked(text: str, query: str, shown: str) -> None:
    assert snippet(text, phrases(query)) == shown


def test_a_long_text_is_cut_around_the_first_match() -> None:
    shown = snippet(f"{FAR}here {FAR}here", phrases("here"))

    assert shown.startswith(CUT)
    assert shown.endswith(CUT)
    assert shown.count("«here»") == 1
    assert len(shown) == SNIPPET_CHARACTERS + 4


def test_the_context_before_a_match_does_not_depend_on_its_length() -> None:
    short, long = (snippet(f"{FAR}{word} {FAR}", phrases(word)) for word in ("a", "a" * 30))

    assert short.index(OPEN) == long.index(OPEN)


def test_the_beginning_and_the_end_are_not_cut() -> None:
    assert snippet(f"here {FAR}", phrases("here")).startswith("«here» far")
    assert snippet(f"{FAR}here", phrases("here")).endswith("far «here»")


@given(st.text(max_size=400), st.text(max_size=10))
def test_a_snippet_is_a_substring_of_the_text(text: str, query: str) -> None:
    shown = snippet(text, phrases(query))

    bare = shown.removeprefix(CUT).removesuffix(CUT).replace(OPEN, "").replace(CLOSE, "")
    assert bare in text.replace(OPEN, "").replace(CLOSE, "")
