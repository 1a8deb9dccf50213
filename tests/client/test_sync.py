"""The client without ``await``, in threads."""

import asyncio
import threading

import pytest

from parley_client import Closed, MessageCreated, SyncClient, SyncRoom, Unauthorized
from tests.client.scripted_server import QUICK
from tests.harness.process import PASSWORD, Login, Process

pytestmark = pytest.mark.sqlite_only


def sync_client(process: Process, who: Login, password: str = PASSWORD) -> SyncClient:
    """A client that is not open."""
    return SyncClient(f"http://{process.address}", who.name, password, limits=QUICK)


def text_of(room: SyncRoom) -> str | None:
    """The text of the next message."""
    for event in room:
        if isinstance(event, MessageCreated):
            return event.text
    return None


def threads() -> list[threading.Thread]:
    """The threads of clients."""
    return [each for each in threading.enumerate() if each.name == "parley"]


async def test_requests_return_when_they_are_carried_out(
    process: Process, ana: Login, room: str
) -> None:
    def use() -> None:
        with sync_client(process, ana) as chat:
            listening = chat.room(room)
            sent = chat.send(room, "hi")
            assert sent.seq is not None
            assert text_of(listening) == "hi"
            chat.edit(room, sent.seq, "ho")
            chat.react(room, sent.seq, "👍")
            chat.pin(room, sent.seq)
            (message,) = chat.messages(room)
            assert (message["text"], message["pinned"]) == ("ho", True)
            assert chat.read(room, sent.seq)["read"] == sent.seq
            chat.delete(room, sent.seq)
            assert chat.http("GET", f"/rooms/{room}")["head"] > sent.seq
            assert chat.is_connected
            assert chat.user == ana.name
            assert listening.cursor is not None

    await asyncio.to_thread(use)


async def test_waiting_can_be_bounded_and_loses_nothing(
    process: Process, ana: Login, room: str
) -> None:
    def use() -> None:
        with sync_client(process, ana) as chat:
            listening = chat.room(room)
            with pytest.raises(TimeoutError):
                listening.next(0.05)
            chat.send(room, "hi")

            assert text_of(listening) == "hi"
            assert listening.name == room
            listening.leave()
            assert list(listening) == []

    await asyncio.to_thread(use)


async def test_several_threads_send(process: Process, ana: Login, room: str) -> None:
    def use() -> None:
        with sync_client(process, ana) as chat:
            listening = chat.room(room)
            senders = [
                threading.Thread(target=chat.send, args=(room, f"{number}"))
                for number in range(10)
            ]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()

            assert {text_of(listening) for _ in senders} == {f"{number}" for number in range(10)}

    await asyncio.to_thread(use)


async def test_closing_ends_what_waits_in_other_threads(process: Process, ana: Login) -> None:
    ended: list[object] = []

    def use() -> None:
        with sync_client(process, ana) as chat:
            listening = chat.room("general")

            def listen() -> None:
                ended.extend(listening)
                ended.append("ended")

            thread = threading.Thread(target=listen)
            thread.start()
            with pytest.raises(RuntimeError, match="is open"):
                chat.__enter__()
        thread.join(10)
        with pytest.raises(Closed):
            chat.send("general", "hi")
        chat.close()

    await asyncio.to_thread(use)
    assert ended[-1:] == ["ended"]
    assert threads() == []


async def test_a_client_that_can_not_open_leaves_no_thread(process: Process, ana: Login) -> None:
    def use() -> None:
        with pytest.raises(Unauthorized):
            sync_client(process, ana, "wrong").__enter__()

    await asyncio.to_thread(use)
    assert threads() == []


async def test_a_call_from_its_own_thread_is_refused(process: Process, ana: Login) -> None:
    said: list[str] = []

    def use() -> None:
        def get_token() -> str:
            try:
                chat.send("general", "hi")
            except RuntimeError as exc:
                said.append(str(exc))
            return ana.token

        chat = SyncClient(f"http://{process.address}", get_token=get_token, limits=QUICK)
        with chat:
            pass

    await asyncio.to_thread(use)
    assert said == ["A call in the client's own thread would wait for itself."]
