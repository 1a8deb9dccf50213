"""The words of a text for search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.words import MAX_WORD_CHARACTERS, phrases, spans, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("Don't STOP!", ["don", "t", "stop"], id="case and punctuation"),
        pytest.param("x_y-z c++", ["x", "y", "z", "c"], id="underscores and signs"),
        pytest.param("v1.2, 3rd", ["v1", "2", "3rd"], id="digits"),
        pytest.param("Café NAÏVE résumé", ["cafe", "naive", "resume"], id="accents"),
        pytest.param("cafe\u0301s", ["cafes"], id="an accent of its own"),
        pytest.param("Straße ﬁn", ["strasse", "fin"], id="what lower case is longer than"),
        pytest.param("İstanbul", ["istanbul"], id="a dotted capital"),
        pytest.param("Привет, МИР", ["привет", "мир"], id="cyrillic"),
        pytest.param("東京タワー", ["東", "京", "タ", "ワ", "ー"], id="japanese"),
        pytest.param("go東京go", ["go", "東", "京", "go"], id="mixed"),
        pytest.param("ﾃｽﾄ", ["テ", "ス", "ト"], id="half-width"),
        pytest.param("안녕", ["안", "녕"], id="korean"),
        pytest.param("ครับ", ["ค", "ร", "ั", "บ"], id="thai"),
        pytest.param("ok👍🏽", ["ok", "👍", "🏽"], id="emoji"),
        pytest.param("“quoted”—dash…", ["quoted", "dash"], id="typographic punctuation"),
        pytest.param("a" * 200, ["a" * MAX_WORD_CHARACTERS], id="no word"),
        pytest.param("é" * 200, ["e" * MAX_WORD_CHARACTERS], id="no accented word"),
        pytest.param("\0 \ufffd * \" ' : -", [], id="nothing"),
        pytest.param("", [], id="empty"),
    ],
)
def test_a_text_is_split_into_words(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(st.text())
def test_a_word_is_safe_in_any_query(text: str) -> None:
    for word in words(text):
        assert word
        assert len(word) <= MAX_WORD_CHARACTERS
        assert not set(word) & set(" '\"\\/\0*:()-&|!<>")


@given(st.text())
def test_spans_have_the_same_words(text: str) -> None:
    found = list(spans(text))

    assert [word for word, _, _ in found] == words(text)
    ends = [0, *(end for _, _, end in found)]
    assert all(end <= begins for end, (_, begins, _) in zip(ends, found, strict=False))


@given(st.text(alphabet=st.characters(categories=["Lu", "Ll", "Nd"]), max_size=20))
def test_words_are_case_insensitive(text: str) -> None:
    assert words(text.casefold()) == words(text)


def test_a_query_is_split_into_phrases() -> None:
    assert phrases(' don\'t  "AND" -- 東京 ') == [["don", "t"], ["and"], ["東", "京"]]
