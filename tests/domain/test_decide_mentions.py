"""Whom a text mentions: members by name, and the whole room with `@all`."""

from typing import Any

import pytest

from app.domain.appends import Edit, Send, UpdateRoom
from app.domain.errors import Forbidden, RateLimited
from app.domain.limits import ROOM_MENTION_BURST, ROOM_MENTION_SECONDS
from app.domain.mentions import mentioned
from app.domain.roles import Kind, Role
from tests.domain.env import NOW, ROOM, Env, user_id

MINUTE_MS = ROOM_MENTION_SECONDS * 1_000


def sent(env: Env, by: str, text: str, at: int = NOW) -> dict[str, Any]:
    """Send a text, and return the data of its event."""
    env.decide(by, Send, at, text=text, mentions=mentioned(text))
    return env.ws.events[-1].data or {}


@pytest.mark.parametrize("text", ["@all", "ho @ALL, listen", "_@all_", "@all.See", "＠all!"])
def test_at_all_mentions_the_whole_room_once(text: str) -> None:
    assert sent(Env(), "ana", text) == {"mentions_room": "all"}


@pytest.mark.parametrize("text", ["all", "`@all`", "@alles", "mail@all", "@@all", "@everyone"])
def test_other_words_do_not(text: str) -> None:
    assert sent(Env(), "ana", text) == {}


@pytest.mark.parametrize(
    ("lowest", "may"),
    [
        (Role.MEMBER, ["ana", "mo", "bo"]),
        (Role.MODERATOR, ["ana", "mo"]),
        (Role.OWNER, ["ana"]),
    ],
)
def test_the_room_says_which_role_may(lowest: Role, may: list[str]) -> None:
    env = Env()
    env.room.room_mention_role = lowest

    for name in ("ana", "mo", "bo"):
        assert ("mentions_room" in sent(env, name, "@all")) is (name in may)


def test_it_is_plain_text_in_a_direct_room() -> None:
    assert sent(Env(Kind.DIRECT), "ana", "@all") == {}


def test_a_member_who_is_called_all_is_mentioned_besides() -> None:
    env = Env()
    env.ws.mentionable[ROOM, "all"] = env.person("bea").user

    assert sent(env, "ana", "@all") == {"mentions": [user_id("bea")], "mentions_room": "all"}
    assert sent(env, "bo", "@all") == {"mentions": [user_id("bea")]}


def test_a_member_with_a_longer_name_is_mentioned_instead() -> None:
    env = Env()
    env.ws.mentionable[ROOM, "all.in"] = env.person("bea").user

    assert sent(env, "ana", "@all.in") == {"mentions": [user_id("bea")]}


def test_mentions_of_the_room_are_limited() -> None:
    env = Env()
    for _ in range(ROOM_MENTION_BURST):
        sent(env, "ana", "@all")

    refused = env.assert_refused(RateLimited, "mo", Send, text="@all", mentions=["all"])

    assert refused.retry_after == ROOM_MENTION_SECONDS
    assert sent(env, "bo", "@all") == {}
    assert sent(env, "ana", "@all", NOW + MINUTE_MS) == {"mentions_room": "all"}
    env.assert_refused(RateLimited, "ana", Send, NOW + MINUTE_MS, text="@all", mentions=["all"])


def test_at_here_mentions_those_who_are_present_and_at_all_includes_them() -> None:
    env = Env()
    bo = frozenset({user_id("bo")})

    def sends(text: str) -> dict[str, Any]:
        env.decide("ana", Send, text=text, mentions=mentioned(text), present=bo)
        return env.ws.events[-1].data or {}

    assert sends("@HERE!") == {"mentions_room": "here"}
    assert list(env.ws.mentioned_present.values()) == [bo]
    assert sends("@here and @all") == {"mentions_room": "all"}
    assert len(env.ws.mentioned_present) == 1
    assert env.room.room_mentions_full_at == NOW + 2 * MINUTE_MS


def test_an_edit_from_here_to_all_counts_and_one_that_keeps_it_does_not() -> None:
    env = Env()
    bo = frozenset({user_id("bo")})
    env.decide("ana", Send, text="@here", mentions=["here"], present=bo)
    seq = env.ws.events[-1].seq
    message = env.ws.message(env.room, seq)

    env.decide("ana", Edit, ref=seq, text="@here!", mentions=["here"])
    assert (message.mentions_room, message.mentioned_present) == ("here", bo)
    assert env.room.room_mentions_full_at == NOW + MINUTE_MS
    env.decide("ana", Edit, ref=seq, text="@all", mentions=["all"])

    assert message.mentions_room == "all"
    assert env.room.room_mentions_full_at == NOW + 2 * MINUTE_MS


def test_an_edit_may_add_keep_and_remove_it() -> None:
    env = Env()
    seq = env.send("ana", "hello")

    def edited(text: str) -> dict[str, Any]:
        env.decide("ana", Edit, ref=seq, text=text, mentions=mentioned(text))
        return env.ws.events[-1].data or {}

    assert edited("hello @all") == {"mentions_room": "all"}
    for n in range(ROOM_MENTION_BURST + 1):
        assert edited(f"hello @all {n}") == {"mentions_room": "all"}
    assert edited("hello") == {}
    assert env.room.room_mentions_full_at == NOW + MINUTE_MS


def test_who_changes_the_room_may_change_who_may() -> None:
    env = Env()

    env.decide("mo", UpdateRoom, room_mention_role=Role.MEMBER)

    assert env.ws.events[-1].data == {"room_mention_role": "member"}
    assert sent(env, "bo", "@all") == {"mentions_room": "all"}
    assert env.decide("mo", UpdateRoom, room_mention_role=Role.MEMBER).seq is None
    env.assert_refused(Forbidden, "bo", UpdateRoom, room_mention_role=Role.OWNER)
