"""Reactions and pins over HTTP."""

import pytest

from app.wire.message_bodies import MessageAnswer, MessagesAnswer
from tests.api.env import open_env, request, send_message
from tests.api.people import code, fields
from tests.harness.server import Server


@pytest.fixture
async def env(server: Server) -> Server:
    """A private room with a message by bo, whose seq is 5."""
    await open_env(server)
    await send_message(server, "bo")
    return server


async def test_reactions_list_usernames(env: Server) -> None:
    for who, emoji in (("moe", "👍"), ("bo", "👍"), ("moe", "🏳️‍🌈")):
        answer = await request(env, who, "PUT", f"/messages/5/reactions/{emoji}")
        MessageAnswer.model_validate(answer.json())
        assert answer.status_code == 200

    assert answer.json()["reactions"] == {"👍": ["moe", "bo"], "🏳️‍🌈": ["moe"]}
    for _ in range(2):
        gone = await request(env, "moe", "DELETE", "/messages/5/reactions/👍")
        assert (gone.status_code, gone.content) == (204, b"")
    message = (await request(env, "ana", "GET", "/messages/5")).json()
    assert message["reactions"] == {"👍": ["bo"], "🏳️‍🌈": ["moe"]}


async def test_only_a_change_makes_an_event(env: Server) -> None:
    for method in ("PUT", "PUT", "DELETE", "DELETE"):
        await request(env, "moe", method, "/messages/5/reactions/👍")
        await request(env, "moe", method, "/messages/5/pin")

    events = (await request(env, "bo", "GET", "/events?since=5")).json()["events"]

    assert [event["type"] for event in events] == [
        "reaction.added",
        "message.pinned",
        "reaction.removed",
        "message.unpinned",
    ]
    assert {event["ref"] for event in events} == {5}


@pytest.mark.parametrize(
    "emoji",
    ["a", "1", "%23", "👍👍", "👍%20", ":+1:", "%F0%9F%91", "x" * 40, "%00", "%ED%A0%80", "👍%0A"],
)
async def test_a_reaction_is_one_emoji(env: Server, emoji: str) -> None:
    assert fields(await request(env, "moe", "PUT", f"/messages/5/reactions/{emoji}")) == ["emoji"]
    assert fields(await request(env, "moe", "DELETE", f"/messages/5/reactions/{emoji}")) == [
        "emoji"
    ]


@pytest.mark.parametrize("emoji", ["👍", "❤️", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"])
async def test_an_emoji_can_have_several_code_points(env: Server, emoji: str) -> None:
    answer = await request(env, "moe", "PUT", f"/messages/5/reactions/{emoji}")

    assert answer.json()["reactions"] == {emoji: ["moe"]}


@pytest.mark.parametrize("forms", [("❤", "❤️"), ("👍️", "👍"), ("1⃣", "1️⃣")], ids=ascii)
async def test_an_emoji_with_and_without_its_selector_is_one(
    env: Server, forms: tuple[str, str]
) -> None:
    one, other = forms
    await request(env, "moe", "PUT", f"/messages/5/reactions/{one}")
    both = await request(env, "bo", "PUT", f"/messages/5/reactions/{other}")
    assert both.json()["reactions"] == {other: ["moe", "bo"]}

    await request(env, "bo", "DELETE", f"/messages/5/reactions/{one}")

    message = (await request(env, "ana", "GET", "/messages/5")).json()
    assert message["reactions"] == {other: ["moe"]}


async def test_a_message_has_a_limit_of_different_emoji(env: Server) -> None:
    for number in range(20):
        await request(env, "moe", "PUT", f"/messages/5/reactions/{chr(0x1F600 + number)}")

    assert fields(await request(env, "moe", "PUT", "/messages/5/reactions/👍")) == ["emoji"]
    assert (await request(env, "bo", "PUT", "/messages/5/reactions/😀")).status_code == 200


async def test_pins_are_listed_newest_first(env: Server) -> None:
    others = [await send_message(env, "moe", text) for text in ("one", "two", "three")]
    for seq in (others[1], 5, others[0]):
        pinned = await request(env, "bo", "PUT", f"/messages/{seq}/pin")
        assert (pinned.status_code, pinned.json()["pinned"]) == (200, True)

    page = (await request(env, "moe", "GET", "/pins?limit=2")).json()
    rest = (await request(env, "moe", "GET", f"/pins?before={others[0]}")).json()

    MessagesAnswer.model_validate(page)
    assert [m["seq"] for m in page["messages"]] == [others[1], others[0]]
    assert (page["has_older"], rest["has_older"]) == (True, False)
    assert [m["seq"] for m in rest["messages"]] == [5]
    gone = await request(env, "moe", "DELETE", "/messages/5/pin")
    assert (gone.status_code, gone.content) == (204, b"")
    await request(env, "moe", "DELETE", f"/messages/{others[1]}")
    left = (await request(env, "moe", "GET", "/pins")).json()
    assert [m["seq"] for m in left["messages"]] == [others[0]]


@pytest.mark.parametrize("mark", ["reactions/👍", "pin"])
async def test_a_deleted_message_takes_no_reaction_or_pin(env: Server, mark: str) -> None:
    await request(env, "moe", "PUT", f"/messages/5/{mark}")
    await request(env, "bo", "DELETE", "/messages/5")

    put = await request(env, "moe", "PUT", f"/messages/5/{mark}")
    taken_off = await request(env, "moe", "DELETE", f"/messages/5/{mark}")

    assert code(put) == (409, "conflict")
    assert taken_off.status_code == 204


@pytest.mark.parametrize("mark", ["reactions/👍", "pin"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_an_unknown_message_takes_no_reaction_or_pin(
    env: Server, method: str, mark: str
) -> None:
    for seq in (1, 99):
        answer = await request(env, "moe", method, f"/messages/{seq}/{mark}")
        assert code(answer) == (404, "message_not_found")
