"""
Words that pass for others: of two alphabets, where the letters of one look like the other's.

A word that is written in one alphabet throughout is left alone, whatever it looks like. The idea
is that of the mixed-script confusables of UTS #39, section 4.
"""

import re
import unicodedata

_WORD = re.compile(r"[^\W\d_]+")
# By alphabet: its letters that look Latin, and Latin letters that look like one of it. Alphabets
# are those that Unicode's names begin with.
_ALIKE = {
    "CYRILLIC": (
        "АВЕЁЅІЇЈКМНОРСТУХҮԌԚԜаеёѕіїјкорстухԁԛԝһӏѵгмьт",
        "ABEËSIÏJKMHOPCTYXGQWaeëosiïjkpctyxdqwhlvrmb",
    ),
    "GREEK": ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορυωη", "ABEZHIKMNOPTYXayikvopuwn"),
    "ARMENIAN": ("ՏՍՕԼոսօհցզլյքՈ", "SUOLnuohgqljpf"),
    "CHEROKEE": ("ᎠᎡᎢᎪᎫᎬᎳᎷᎻᏀᏃᏇᏎᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏰᏳᏴ", "DRTAJEWMHGZSbRWSVSLCPKdBGB"),
    "COPTIC": ("ⲀⲂⲈⲎⲒⲔⲘⲚⲞⲢⲤⲦⲨⲬⲟⲣⲥⲭ", "ABEHIKMNOPCTYXopcx"),
}


def mixes_lookalikes(text: str) -> bool:
    """Whether a word of ``text`` is of two alphabets and looks as if it were of one."""
    return not text.isascii() and any(map(_passes_for_another, _WORD.findall(text)))


def mixes_directions(text: str) -> bool:
    """Whether a word of ``text`` has letters that are written leftwards, and others."""
    if text.isascii():
        return False
    words = ({unicodedata.bidirectional(c) for c in word} for word in _WORD.findall(text))
    return any("L" in directions and directions & {"R", "AL"} for directions in words)


def _passes_for_another(word: str) -> bool:
    by_alphabet: dict[str, set[str]] = {}
    for letter in word:
        alphabet = unicodedata.name(letter, "").partition(" ")[0]
        by_alphabet.setdefault(alphabet, set()).add(letter)
    latin = by_alphabet.get("LATIN", set())
    others = [name for name in by_alphabet if name in _ALIKE]
    if not latin:
        return len(others) > 1
    return any(
        by_alphabet[name] <= set(_ALIKE[name][0]) or latin <= set(_ALIKE[name][1])
        for name in others
    )
