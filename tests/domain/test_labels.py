"""Titles and display names: two that look the same are the same, and none breaks a line."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import labels
from app.domain.errors import Invalid
from app.domain.limits import MAX_DISPLAY_NAME_CHARACTERS, MAX_TITLE_CHARACTERS


@pytest.mark.parametrize(
    "name",
    [
        "Alice Liddell",
        "O'Brien-Smith, Jr.",
        "Zoë “Zo” Łódź",
        "Nguyễn Thị Ánh",
        "Алиса",
        "Іван Ґудзь",
        "Αλίκη",
        "Алиса (Alice)",
        "アリス・リデル",
        "ザビエルX号",
        "葛\U000e0100城市",
        "김앨리스 Kim",
        "गुड़िया क्\u200dष",
        "ஆலிஸ்",
        "อลิซ",
        "علی\u200cرضا",
        "مُحَمَّد",
        "אָלִיס",
        "Levi לוי",
        "ᠮᠣᠩᠭᠣᠯ\u180b",
        "👩‍👩‍👧 at home",
        "❤️ Anna ❤",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "1️⃣ first",
        "Δt and λ-calculus, πr²",
        "R&D™ ½ № 5 …",
        "μTorrent",
        "x² Δx",
        "a\u0302\u0323\u0331 b",
    ],
)
def test_names_of_all_kinds_are_kept(name: str) -> None:
    composed = normalize("NFC", name)

    assert labels.display_name(name) == labels.title(name) == composed
    assert labels.display_name(normalize("NFD", name)) == composed


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        pytest.param("  Anna \n", "Anna", id="white space around"),
        pytest.param("\ufeff\u200bAnna\u200b\xa0\u2028", "Anna", id="invisible around"),
        pytest.param("\u202aAnna\u202c", "Anna", id="directions around"),
        pytest.param("Anna  \u3000 Lee\xa0Po", "Anna Lee Po", id="spaces inside"),
        pytest.param("Ａｎｎａ", "Anna", id="wide"),
        pytest.param("ｱﾝﾅﾊﾞ", "アンナバ", id="half-width"),
        pytest.param("𝐀𝓷𝔫𝕒", "Anna", id="mathematical"),
        pytest.param("ﬁnn", "finn", id="a ligature"),
        pytest.param("ﺍﻧﺎ", "انا", id="shapes of arabic letters"),
        pytest.param("👍\ufe0f\ufe0f", "👍", id="needless selectors"),
        pytest.param("❤️\u200b", "❤️", id="a selector at the end stays"),
        pytest.param("Jose\u0301", "José", id="decomposed"),
    ],
)
def test_what_looks_the_same_is_the_same(given_: str, kept: str) -> None:
    assert labels.display_name(given_) == labels.title(given_) == kept


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("An\u200bna", id="no width"),
        pytest.param("An\u200dna", id="a joiner between latin letters"),
        pytest.param("An\u200cna", id="another one"),
        pytest.param("😀\u200d😀", id="a joiner between emoji that don't join"),
        pytest.param("An\xadna", id="a soft hyphen"),
        pytest.param("An\u2060na", id="a word joiner"),
        pytest.param("An\u3164na", id="a filler"),
        pytest.param("An\u2800na", id="blank braille"),
        pytest.param("An\ufe0fna", id="a selector behind a letter"),
        pytest.param("Anna\ufe0f", id="a selector at the end"),
        pytest.param("Anna\U000e0041", id="a tag"),
        pytest.param("An\u034fna", id="a grapheme joiner"),
        pytest.param("An\u202ena", id="an override"),
        pytest.param("An\u2066na", id="an isolate"),
        pytest.param("An\u200ena", id="a direction"),
        pytest.param("An\u061cna", id="an arabic direction"),
        pytest.param("An\nna", id="a line feed"),
        pytest.param("An\rna", id="a carriage return"),
        pytest.param("An\tna", id="a tab"),
        pytest.param("An\vna", id="a vertical tab"),
        pytest.param("An\fna", id="a form feed"),
        pytest.param("An\x85na", id="a next line"),
        pytest.param("An\u2028na", id="a line separator"),
        pytest.param("An\u2029na", id="a paragraph separator"),
        pytest.param("An\x1bna", id="an escape"),
        pytest.param("An\0na", id="NUL"),
        pytest.param("\ud800", id="a surrogate"),
        pytest.param("An\ue000na", id="private use"),
        pytest.param("An\ufffcna", id="an object"),
        pytest.param("An\uffffna", id="a noncharacter"),
        pytest.param("A" + "\u0301" * 6, id="a stack of marks"),
        pytest.param("\u0301Anna", id="a mark without a letter"),
        pytest.param("Anna \u0301", id="a mark on a space"),
        pytest.param("Аnna", id="a cyrillic capital"),
        pytest.param("Аннa", id="a latin letter in cyrillic"),
        pytest.param("раypal", id="two cyrillic letters"),
        pytest.param("αlice", id="a greek letter"),
        pytest.param("ΑΝΝA", id="a latin capital in greek"),
        pytest.param("Ꭺnna", id="a cherokee letter"),
        pytest.param("Απпа", id="greek and cyrillic"),
        pytest.param("annaאנה", id="two directions in a word"),
        pytest.param("annaعلي", id="two directions in a word, arabic"),
    ],
)
def test_misleading_names_are_refused(name: str) -> None:
    for rule, field in ((labels.display_name, "display_name"), (labels.title, "title")):
        with pytest.raises(Invalid) as refused:
            rule(name)
        assert refused.value.errors[0]["loc"] == [field]


def test_a_title_may_be_empty_and_a_name_may_not() -> None:
    for blank in ("", " ", "\u200b"):
        assert labels.title(blank) == ""
        with pytest.raises(Invalid):
            labels.display_name(blank)


def test_limits_count_what_is_stored() -> None:
    assert labels.display_name("e\u0301" * MAX_DISPLAY_NAME_CHARACTERS)
    assert labels.title("e\u0301" * MAX_TITLE_CHARACTERS)
    for rule, longest in (
        (labels.display_name, MAX_DISPLAY_NAME_CHARACTERS),
        (labels.title, MAX_TITLE_CHARACTERS),
    ):
        with pytest.raises(Invalid):
            rule("é" * (longest + 1))


@given(st.text(max_size=30))
def test_a_label_is_stable_and_on_one_line(text: str) -> None:
    try:
        label = labels.title(text)
    except Invalid:
        return
    assert labels.title(label) == label
    assert len(label.splitlines()) <= 1
    assert label == label.strip()
