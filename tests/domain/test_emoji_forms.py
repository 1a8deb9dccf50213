"""Which forms of an emoji are the same emoji."""

import emoji
import pytest

from app.domain.emoji_forms import bare_emoji, standard_emoji
from app.domain.limits import MAX_EMOJI_CHARACTERS

_EYE, _SPEECH, _RAINBOW, _FLAG = "\U0001f441", "\U0001f5e8", "\U0001f308", "\U0001f3f3"


@pytest.mark.parametrize(
    ("forms", "standard"),
    [
        pytest.param(["\u2764", "\u2764\ufe0e"], "\u2764\ufe0f", id="a heart"),
        pytest.param(["\U0001f44d\ufe0f", "\U0001f44d\ufe0e"], "\U0001f44d", id="a thumb"),
        pytest.param(["\u2615\ufe0f"], "\u2615", id="coffee"),
        pytest.param(["1\u20e3"], "1\ufe0f\u20e3", id="a keycap"),
        pytest.param(["\u270c\ufe0f\U0001f3fd"], "\u270c\U0001f3fd", id="a tone"),
        pytest.param(
            [f"{_FLAG}\u200d{_RAINBOW}"], f"{_FLAG}\ufe0f\u200d{_RAINBOW}", id="a joined flag"
        ),
        pytest.param(
            [f"{_EYE}\u200d{_SPEECH}", f"{_EYE}\ufe0f\u200d{_SPEECH}"],
            f"{_EYE}\ufe0f\u200d{_SPEECH}\ufe0f",
            id="two selectors",
        ),
    ],
)
def test_forms_of_an_emoji_are_one(forms: list[str], standard: str) -> None:
    for form in [*forms, standard]:
        assert standard_emoji(form) == standard
        assert bare_emoji(form) == bare_emoji(standard)


def test_each_emoji_has_one_standard_form() -> None:
    forms = list(emoji.EMOJI_DATA)
    standard = {standard_emoji(form) for form in forms}

    assert None not in standard
    # Only selectors were made one: tones, flags, genders and keycaps are emoji of their own.
    assert len(standard) == len({form.replace("\ufe0f", "") for form in forms})
    assert max(map(len, forms)) < MAX_EMOJI_CHARACTERS


@pytest.mark.parametrize(
    "text", ["", "\ufe0f", "1", "1\ufe0f", "a\ufe0f", "\U0001f44d\U0001f44d", "\u2764 ", "\u200d"]
)
def test_other_texts_are_no_emoji(text: str) -> None:
    assert standard_emoji(text) is None
