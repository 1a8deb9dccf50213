"""The words of a text for search."""

import unicodedata
from itertools import pairwise

import emoji
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
        pytest.param("हिन्दी में", ["हिन्दी", "में"], id="devanagari"),
        pytest.param("বাংলা", ["বাংলা"], id="bengali"),
        pytest.param("தமிழ்", ["தமிழ்"], id="tamil"),
        pytest.param("ⅩⅡ №5 m² 20°C", ["xii", "no", "5", "m2", "20", "°", "c"], id="signs"),
        pytest.param("Foo™ ½㎏", ["foo", "™", "1", "2", "kg"], id="symbols end a word"),
        pytest.param("#️⃣ 1️⃣ *⃣", ["＃", "⃣", "1", "⃣", "＊", "⃣"], id="keycaps"),
        pytest.param("note1️⃣", ["note", "1", "⃣"], id="a keycap after a word"),
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


@pytest.mark.parametrize(
    "spellings",
    [
        # What systems and keyboards make differently
        pytest.param(["ガイド", "ｶﾞｲﾄﾞ", "カ\u3099イト\u3099"], id="voiced kana"),
        pytest.param(["안녕", "\u110b\u1161\u11ab\u1102\u1167\u11bc"], id="korean letters"),
        pytest.param(["Grüße", "GRU\u0308SSE", "grusse"], id="german"),
        pytest.param(["ΟΔΟΣ", "οδός", "ὁδος"], id="greek"),
        pytest.param(["ISPARTA", "ısparta", "İsparta", "isparta"], id="turkish"),
        pytest.param(["Łódź", "lodz"], id="polish"),
        pytest.param(["København", "kobenhavn"], id="danish"),
        pytest.param(["Tiếng Việt", "tieng viet", "TIÊ\u0301NG VIÊ\u0323T"], id="vietnamese"),
        pytest.param(["ёж", "еж", "Е\u0308Ж"], id="russian"),
        pytest.param(["мʼята", "м'ята", "м’ята"], id="ukrainian"),
        pytest.param(["שָׁלוֹם", "שלום", "\ufb2aלו\u05b9ם"], id="hebrew points"),
        pytest.param(["مُحَمَّد", "محمد", "محـــمد"], id="arabic vowels and kashida"),
        pytest.param(["أحمد", "احمد", "ا\u0654حمد"], id="hamza"),
        pytest.param(["كتابي", "کتابی"], id="arabic and persian keyboards"),
        pytest.param(["می\u200cخواهم", "می‑خواهم", "می خواهم"], id="a persian joiner"),
        pytest.param(["क्ष", "क्\u200dष", "क्\u200cष"], id="devanagari joiners"),
        pytest.param(["ज़रूर", "जरूर", "\u095bरूर"], id="nukta"),
        pytest.param(["কো", "ক\u09c7\u09be"], id="a bengali vowel of two parts"),
        pytest.param(["น้ำ", "นํ\u0e49า", "น\u0e49ํา"], id="thai in another order"),
        pytest.param(["２０２６", "2026", "٢٠٢٦", "۲۰۲۶", "२०२६"], id="digits"),
        pytest.param(["ＡＢＣ", "abc"], id="wide letters"),
        pytest.param(["ﬁlm", "film"], id="a ligature"),
        pytest.param(["㈱", "(株)"], id="an abbreviation"),
        pytest.param(["Donau\xaddampf", "donaudampf"], id="a soft hyphen"),
        pytest.param(["\u200emust\u2060er\ufeff", "muster"], id="marks without width"),
        pytest.param(["❤", "❤\ufe0f", "❤\ufe0e"], id="selectors"),
    ],
)
def test_spellings_of_a_word_are_one(spellings: list[str]) -> None:
    assert len({tuple(words(spelling)) for spelling in spellings}) == 1
    assert words(spellings[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("か", "が", id="voicing"),
        pytest.param("कि", "की", id="vowel signs"),
        pytest.param("👍🏽", "👍🏿", id="tones"),
        pytest.param("🇩🇪", "🇫🇷", id="flags"),
        pytest.param("#️⃣", "*️⃣", id="keycaps"),
        pytest.param("☀", "☁", id="symbols"),
    ],
)
def test_other_words_stay_apart(one: str, other: str) -> None:
    assert words(one) != words(other)


def test_every_part_of_an_emoji_is_a_word() -> None:
    joiners = "\ufe0f\u200d#*0123456789"
    for form in emoji.EMOJI_DATA:
        parts = [c for c in form if c not in joiners and not 0xE0000 <= ord(c) < 0xE1000]
        found = words(f"note {form}")
        assert found[0] == "note"
        assert set(parts) <= set(found), ascii(form)
        assert parts, ascii(form)


@given(st.text())
def test_words_are_the_same_composed_and_decomposed(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))

    assert words(composed) == words(decomposed) == words(text)


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
    assert all(start < end for _, start, end in found)
    # In order; words of one character share it.
    for (_, start, end), (_, begins, ends) in pairwise(found):
        assert start <= begins
        assert end <= ends


@given(st.text(alphabet=st.characters(categories=["Lu", "Ll", "Nd"]), max_size=20))
def test_words_are_case_insensitive(text: str) -> None:
    assert words(text.casefold()) == words(text)


def test_a_query_is_split_into_phrases() -> None:
    assert phrases(' don\'t  "AND" -- 東京 ') == [["don", "t"], ["and"], ["東", "京"]]
