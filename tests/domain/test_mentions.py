"""Where mentions begin and end: as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.limits import (
    MAX_MENTIONS_PER_MESSAGE,
    MAX_NAMES_PER_MENTION,
    MAX_USERNAME_CHARACTERS,
)
from app.domain.mentions import mentioned, possible_names

MEMBERS = ("ben", "ana", "ben.k", "ben-k", "ben_k", "jos")


def called(text: str) -> list[str]:
    """The members whom ``text`` mentions, by the longest name of each mention."""
    longest = [
        next((name for name in possible_names(mention) if name in MEMBERS), None)
        for mention in mentioned(text)
    ]
    return list(dict.fromkeys(name for name in longest if name is not None))


@pytest.mark.parametrize(
    "text",
    [
        # Sentences
        "@ben",
        "@BEN!",
        "hi @ben, how are you?",
        "@ben: look",
        "(@ben)",
        '"@ben"',
        "“@ben”",
        "@ben's turn",
        "@ben’s turn",
        "@ben?!",
        "@ben/",
        "cc:@ben",
        ".@ben said it first",
        "Thanks.@ben will do it",
        "@ben\u2014please",
        "@ben\u2026",
        "¿@ben?",
        "\u00ab@ben\u00bb",
        "\u200f@ben\u200f",
        # Marks that names may hold, and with which people go on
        "ask @ben.",
        "thanks @ben.See you",
        "@ben.are you there?",
        "@ben...are you there?",
        "@ben... What's up?",
        "@ben--please",
        "@ben-please",
        "@ben--",
        "@ben- look",
        "@ben_",
        "@ben._-",
        # Emphasis
        "_@ben_",
        "__@ben__",
        "___@ben___",
        "please _@ben_ look",
        "_please @ben_",
        "_@ben_, look",
        "_@ben_.See you",
        "*@ben*",
        "**@ben**",
        "***@ben***",
        "**_@ben_**",
        "_**@ben**_",
        "~~@ben~~",
        "||@ben||",
        "> @ben said",
        "- @ben",
        "[@ben](https://example.org)",
        "<@ben>",
        # Beside scripts without spaces, symbols and emoji
        "你好@ben你好",
        "@benさん",
        "＠ben",
        "@ben님 안녕",
        "👍@ben👍",
        # Beside code
        "`code` and @ben",
        "`code`@ben`code`",
        "it's a ` and @ben",
        r"\`@ben\`",
        "```\ncode\n```\n@ben",
        "```\ncode ```\n@ben",
        "first ``` then @ben",
        "a `\n\n@ben\n\n` b",
        "~~~strike~~~ @ben",
        "see https://example.org/@ana, @ben",
    ],
)
def test_ben_is_mentioned(text: str) -> None:
    assert called(text) == ["ben"]


@pytest.mark.parametrize(
    "text",
    [
        # Other words
        "ben",
        "@ bEn",
        "@benjamin",
        "@ben2",
        "@bené",
        "@bene\u0301",
        "@ben_smith",
        "@José",
        "@josé",
        "@Бен",
        "@\u212a",
        # Addresses
        "ben@ben",
        "mail ana@ben.org",
        "ana.k+chat_@ben.org",
        "josé@ben",
        "jose\u0301@ben",
        "mailto:ana@ben",
        "https://example.org/@ben",
        "(https://example.org/@ben)",
        "ssh://git@ben/x",
        "https://@ben/",
        "example.org/@ben",
        "m.example.org/a/@ben/1",
        "@ben@example.org",
        "@@ben",
        "@_ben",
        "@.ben",
        "@",
        "@-",
        # Code
        "`@ben`",
        "the decorator `@ben` is gone",
        "``a ` @ben``",
        "`a\n@ben`",
        "```\n@ben\nclass A {}\n```",
        "```js\nimport x from '@ben/pkg'\n```",
        "```@ben```",
        "look: ```\n@ben\n\n@ben```",
        "````\n```\n@ben\n```\n````",
        "```\n`@ben`\n\n@ben\n```",
        "```\n@ben",
        "~~~\n@ben\n~~~",
        "~~~ py\n\n@ben",
        "> ```\n> @ben\n> ```",
        "- x\n  ~~~\n  @ben\n  ~~~",
    ],
)
def test_nobody_is_mentioned(text: str) -> None:
    assert called(text) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("@ben,@ana", ["ben", "ana"], id="a comma"),
        pytest.param("@ben/@ana", ["ben", "ana"], id="a slash"),
        pytest.param("@ben&@ana", ["ben", "ana"], id="an ampersand"),
        pytest.param("@ana and @ben and @ANA", ["ana", "ben"], id="each once, in order"),
        pytest.param("@ben.See @ben", ["ben"], id="written in two ways, once"),
        pytest.param("_@ben_ and __@ana__", ["ben", "ana"], id="emphasis"),
        pytest.param("@ben.k", ["ben.k"], id="a dot inside"),
        pytest.param("@ben.k.See you", ["ben.k"], id="a dot inside, and one behind"),
        pytest.param("@Ben-K, @ben_k.", ["ben-k", "ben_k"], id="other marks inside"),
        pytest.param("_@ben_k_", ["ben_k"], id="an underscore inside emphasis"),
        pytest.param("@ben.kim", ["ben"], id="a longer word that is no name"),
        pytest.param("@ben.josé", ["ben"], id="a word that goes on"),
    ],
)
def test_the_longest_name_of_a_member_is_meant(text: str, names: list[str]) -> None:
    assert called(text) == names


def test_possible_names_begin_with_the_longest() -> None:
    assert possible_names("a.b-c--d_e") == ["a.b-c--d_e", "a.b-c", "a.b", "a"]
    assert possible_names("a.b.c.d.e.f") == ["a.b.c.d.e.f", "a.b.c", "a.b", "a"]


def test_mentions_are_bounded() -> None:
    crowd = " ".join(f"@user{n}" for n in range(200))

    assert len(mentioned(crowd)) == MAX_MENTIONS_PER_MESSAGE


def test_a_run_that_is_too_long_ends_at_a_mark() -> None:
    assert mentioned("@" + "x" * MAX_USERNAME_CHARACTERS) == ["x" * MAX_USERNAME_CHARACTERS]
    assert mentioned("@" + "x" * (MAX_USERNAME_CHARACTERS + 1)) == []
    assert mentioned("@" + "x" * MAX_USERNAME_CHARACTERS + "-y") == ["x" * MAX_USERNAME_CHARACTERS]
    assert mentioned("@ben--" + "x" * 100) == ["ben"]
    assert mentioned("@ben_" + "x" * 100) == []


PIECES = ["@", "\uff20", "ben", "_", ".", "-", "`", "```", "~~~", "\n", " ", "\\", "é", "王", "/"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_a_mention_is_a_name(text: str) -> None:
    for mention in mentioned(text):
        names = possible_names(mention)
        assert 1 <= len(names) <= MAX_NAMES_PER_MENTION
        for name in names:
            assert 1 <= len(name) <= MAX_USERNAME_CHARACTERS
            assert name[0].isalnum()
            assert name[-1].isalnum()
            assert ".." not in name
