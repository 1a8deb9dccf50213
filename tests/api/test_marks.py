"""Reactions and pins over HTTP."""

import pytest

from app.wire.message_bodies import MessageAnswer, MessagesAnswer
from tests.api.den import ask, open_den, says
from tests.api.people import code, fields
from tests.harness.server import Server


@pytest.fixture
async def den(server: Server) -> Server:
    """A private room with a message of bo's, which is number 5."""
    await open_den(server)
    await says(server, "bo")
    return server


async def test_reactions_are_counted_with_names(den: Server) -> None:
    for who, emoji in (("moe", "👍"), ("bo", "👍"), ("moe", "🏳️‍🌈")):
        answer = await ask(den, who, "PUT", f"/messages/5/reactions/{emoji}")
        MessageAnswer.model_validate(answer.json())
        assert answer.status_code == 200

    assert answer.json()["reactions"] == {"👍": ["moe", "bo"], "🏳️‍🌈": ["moe"]}
    for _ in range(2):
        gone = await ask(den, "moe", "DELETE", "/messages/5/reactions/👍")
        assert (gone.status_code, gone.content) == (204, b"")
    message = (await ask(den, "ana", "GET", "/messages/5")).json()
    assert message["reactions"] == {"👍": ["bo"], "🏳️‍🌈": ["moe"]}


async def test_one_event_per_real_change(den: Server) -> None:
    for method in ("PUT", "PUT", "DELETE", "DELETE"):
        await ask(den, "moe", method, "/messages/5/reactions/👍")
        await ask(den, "moe", method, "/messages/5/pin")

    events = (await ask(den, "bo", "GET", "/events?since=5")).json()["events"]

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
async def test_a_reaction_is_one_emoji(den: Server, emoji: str) -> None:
    assert fields(await ask(den, "moe", "PUT", f"/messages/5/reactions/{emoji}")) == ["emoji"]
    assert fields(await ask(den, "moe", "DELETE", f"/messages/5/reactions/{emoji}")) == ["emoji"]


@pytest.mark.parametrize("emoji", ["👍", "❤", "❤️", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"])
async def test_an_emoji_may_be_made_of_several_characters(den: Server, emoji: str) -> None:
    answer = await ask(den, "moe", "PUT", f"/messages/5/reactions/{emoji}")

    assert answer.json()["reactions"] == {emoji: ["moe"]}


async def test_a_message_takes_so_many_different_ones(den: Server) -> None:
    for number in range(20):
        await ask(den, "moe", "PUT", f"/messages/5/reactions/{chr(0x1F600 + number)}")

    assert fields(await ask(den, "moe", "PUT", "/messages/5/reactions/👍")) == ["emoji"]
    assert (await ask(den, "bo", "PUT", "/messages/5/reactions/😀")).status_code == 200


async def test_pins_are_listed_with_the_newest_first(den: Server) -> None:
    others = [await says(den, "moe", text) for text in ("one", "two", "three")]
    for seq in (others[1], 5, others[0]):
        pinned = await ask(den, "bo", "PUT", f"/messages/{seq}/pin")
        assert (pinned.status_code, pinned.json()["pinned"]) == (200, True)

    page = (await ask(den, "moe", "GET", "/pins?limit=2")).json()
    rest = (await ask(den, "moe", "GET", f"/pins?before={others[0]}")).json()

    MessagesAnswer.model_validate(page)
    assert [m["seq"] for m in page["messages"]] == [others[1], others[0]]
    assert (page["has_older"], rest["has_older"]) == (True, False)
    assert [m["seq"] for m in rest["messages"]] == [5]
    gone = await ask(den, "moe", "DELETE", "/messages/5/pin")
    assert (gone.status_code, gone.content) == (204, b"")
    await ask(den, "moe", "DELETE", f"/messages/{others[1]}")
    left = (await ask(den, "moe", "GET", "/pins")).json()
    assert [m["seq"] for m in left["messages"]] == [others[0]]


@pytest.mark.parametrize("mark", ["reactions/👍", "pin"])
async def test_nothing_is_put_on_a_deleted_message(den: Server, mark: str) -> None:
    await ask(den, "moe", "PUT", f"/messages/5/{mark}")
    await ask(den, "bo", "DELETE", "/messages/5")

    put = await ask(den, "moe", "PUT", f"/messages/5/{mark}")
    taken_off = await ask(den, "moe", "DELETE", f"/messages/5/{mark}")

    assert code(put) == (409, "conflict")
    assert taken_off.status_code == 204


@pytest.mark.parametrize("mark", ["reactions/👍", "pin"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_what_is_no_message_takes_no_mark(den: Server, method: str, mark: str) -> None:
    for seq in (1, 99):
        answer = await ask(den, "moe", method, f"/messages/{seq}/{mark}")
        assert code(answer) == (404, "message_not_found")
