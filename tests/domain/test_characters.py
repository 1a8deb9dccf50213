"""Which characters show nothing."""

import sys
import unicodedata

import pytest

from app.domain.characters import shows_something

# Format characters that are drawn: around numbers in Arabic, Syriac and Kaithi (Unicode calls them
# prepended concatenation marks).
_DRAWN = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
_DRAWN |= set("\U000110bd\U000110cd")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(" \t\r\n\v\f\x85\u2028\u2029", id="line breaks"),
        pytest.param("\xa0\u1680\u2007\u202f\u3000", id="spaces"),
        pytest.param("\x1b\x07\x7f\x9f", id="control characters"),
        pytest.param("\xad", id="a soft hyphen"),
        pytest.param("\u200b\ufeff\u2060\u180e", id="no width"),
        pytest.param("\u200d \u200c", id="joiners of nothing"),
        pytest.param("\u200e\u200f\u061c\u202e\u202c\u2066\u2069", id="directions"),
        pytest.param("\u206a\u206f\u2061\u2064", id="old formats, invisible operators"),
        pytest.param("\ufe0f\ufe0e\U000e0100\u180b", id="variation selectors"),
        pytest.param("\u3164\uffa0\u115f\u1160", id="fillers of Hangul"),
        pytest.param("\u17b4\u17b5\u034f", id="marks that are not drawn"),
        pytest.param("\u2800", id="blank braille"),
        pytest.param("\U000e0067\U000e0062\U000e007f", id="tags without their flag"),
        pytest.param("\U0001d159\U0001d173\U0001bca0\U00013441", id="blanks of notations"),
        pytest.param("\ufff9\ufffa\ufffb", id="annotation marks"),
    ],
)
def test_a_text_of_these_shows_nothing(text: str) -> None:
    assert not shows_something(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\u200bhi", id="a letter after nothing"),
        pytest.param("\U0001f468\u200d\U0001f469\u200d\U0001f467", id="a family"),
        pytest.param("\u2764\ufe0f", id="a heart with its selector"),
        pytest.param("1\ufe0f\u20e3", id="a keycap"),
        pytest.param("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e007f", id="a flag of tags"),
        pytest.param("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", id="persian"),
        pytest.param("\u0915\u094d\u200d\u0937", id="devanagari"),
        pytest.param("\u202e\u05d0", id="a letter after a direction"),
        pytest.param("\u0301", id="an accent alone"),
        pytest.param("\u0605", id="an arabic number mark"),
        pytest.param(".", id="a full stop"),
        pytest.param("\u2801", id="braille"),
        pytest.param("\ue000", id="private use: a font may draw it"),
    ],
)
def test_a_text_with_these_shows_something(text: str) -> None:
    assert shows_something(text)


def test_controls_formats_and_separators_show_nothing() -> None:
    found = [
        f"U+{point:04X}"
        for point in range(sys.maxunicode + 1)
        if unicodedata.category(chr(point)) in ("Cc", "Cf", "Zs", "Zl", "Zp")
        and shows_something(chr(point)) != (chr(point) in _DRAWN)
    ]

    assert found == []


def test_letters_digits_and_punctuation_show_something() -> None:
    blank = [
        point
        for point in range(sys.maxunicode + 1)
        if unicodedata.category(chr(point))[0] in "LNPS" and not shows_something(chr(point))
    ]

    # Hangul's fillers, blank braille, the null note head.
    assert blank[:5] == [0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0]
    # Unicode 15 names the two blanks of hieroglyphs, which later versions of Python know.
    assert [point for point in blank[5:] if point not in (0x13441, 0x13442)] == [0x1D159]
