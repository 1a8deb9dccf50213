"""Names of rooms and users."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import names
from app.domain.errors import Invalid, ParleyError, RoomNotFound, UserNotFound

RULES = [
    pytest.param(names.new_room_name, Invalid, id="a new room"),
    pytest.param(names.room_name, RoomNotFound, id="an existing room"),
    pytest.param(names.new_username, Invalid, id="a new user"),
    pytest.param(names.username, UserNotFound, id="an existing user"),
]


@pytest.mark.parametrize(("rule", "_error"), RULES)
def test_a_name_is_lower_cased(rule: Callable[[str], str], _error: type[ParleyError]) -> None:
    assert rule("Dev.Talk_2-go") == "dev.talk_2-go"


@pytest.mark.parametrize(("rule", "error"), RULES)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(".abc", id="begins with a dot"),
        pytest.param("abc-", id="ends with a dash"),
        pytest.param("ab..cd", id="two dots"),
        pytest.param("../etc", id="a path"),
        pytest.param("a b c", id="spaces"),
        pytest.param("abc\n", id="a newline"),
        pytest.param("abc\0", id="NUL"),
        pytest.param("straße", id="not ASCII"),
        pytest.param("\u0661\u0662\u0663", id="digits of another script"),
        pytest.param("\ud800abc", id="a lone surrogate"),
        pytest.param("a" * 65, id="too long"),
    ],
)
def test_an_invalid_name_is_refused(
    rule: Callable[[str], str], error: type[ParleyError], text: str
) -> None:
    with pytest.raises(error):
        rule(text)


@pytest.mark.parametrize(("rule", "_error"), RULES)
def test_a_character_that_lower_cases_to_ascii_is_accepted(
    rule: Callable[[str], str], _error: type[ParleyError]
) -> None:
    assert rule("\N{KELVIN SIGN}elvin") == "kelvin"


@pytest.mark.parametrize("text", ["direct", "DIRECT", "dm-", "dm-x", "DM-secret"])
def test_reserved_room_names_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        names.new_room_name(text)
    assert refused.value.errors[0]["loc"] == ["name"]


def test_reserved_room_names_can_be_looked_up() -> None:
    assert names.room_name("DM-a1b2") == "dm-a1b2"


@pytest.mark.parametrize("text", ["me", "ME", "system", "operator", "deleted-7"])
def test_reserved_usernames_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        names.new_username(text)
    assert refused.value.errors[0]["loc"] == ["username"]


@pytest.mark.parametrize(
    "text",
    ["all", "ALL", "here", "everyone", "channel", "room", "admin", "Administrator", "root"]
    + ["support", "moderator", "mod", "staff", "ad.min", "every-one", "no_reply", "s.u.p.p.o.r.t"],
)
def test_names_of_everybody_and_of_authority_are_for_operators(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        names.new_username(text)
    assert refused.value.errors[0]["loc"] == ["username"]
    assert names.new_username(text, by_operator=True) == text.lower()
    # Who has such a name keeps it.
    assert names.username(text) == text.lower()


@pytest.mark.parametrize("text", ["me", "system", "operator", "deleted-7"])
def test_names_of_the_server_are_for_nobody(text: str) -> None:
    with pytest.raises(Invalid):
        names.new_username(text, by_operator=True)


@pytest.mark.parametrize("text", ["allen", "heather", "roots", "admiral", "modern", "bottom"])
def test_names_that_only_begin_like_a_reserved_one_are_free(text: str) -> None:
    assert names.new_username(text) == text


def test_lengths_include_their_bounds() -> None:
    assert names.new_room_name("a") == "a"
    assert names.new_room_name("a" * 64) == "a" * 64
    assert names.new_username("abc") == "abc"
    assert names.new_username("a" * 32) == "a" * 32
    for text in ("ab", "a" * 33):
        with pytest.raises(Invalid):
            names.new_username(text)


@given(st.text(max_size=80))
def test_a_normalized_name_is_stable_and_safe(text: str) -> None:
    try:
        name = names.room_name(text)
    except RoomNotFound:
        return
    assert names.room_name(name) == name
    assert name.isascii()
    assert not set(name) & set("/%?#&\\\"'<> ")
