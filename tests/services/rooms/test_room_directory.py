"""Rooms by name."""

import pytest

from app.domain.errors import RoomNotFound
from app.domain.ids import NOWHERE, RoomId
from app.domain.roles import Kind
from app.services.rooms.room_directory import RoomDirectory
from app.store.batch_loader import BatchLoader
from tests.harness.databases import GatedDatabase
from tests.harness.server import Server, open_server


async def test_a_room_is_looked_up_once(gated: GatedDatabase) -> None:
    directory = RoomDirectory(BatchLoader(gated))
    assert directory.known("general") is None

    assert await directory.find("GENERAL") == RoomId(1)
    assert await directory.find("general") == directory.known("general") == RoomId(1)
    assert gated.reads == 1

    assert await directory.find("nowhere") == NOWHERE
    with pytest.raises(RoomNotFound):
        await directory.find("no..name")


async def test_private_rooms_and_names_of_no_room_are_looked_up_each_time(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        await server.room("attic", kind=Kind.PRIVATE)
    directory = RoomDirectory(BatchLoader(gated))
    reads = gated.reads

    for name in ("attic", "nowhere"):
        for _ in range(2):
            await directory.find(name)
        assert directory.known(name) is None

    assert gated.reads == reads + 4


async def test_a_directory_remembers_so_many_rooms(server: Server) -> None:
    directory = RoomDirectory(BatchLoader(server.database), max_remembered=2)
    for name in ("den", "hall"):
        await server.room(name)
        await directory.find(name)

    await directory.find("general")

    assert directory.known("general") == RoomId(1)
    assert directory.known("hall") is not None
    assert directory.known("den") is None


async def test_a_room_that_is_made_later_is_found(server: Server) -> None:
    directory = server.runtime.rooms.directory
    assert await directory.find("den") == NOWHERE

    room = await server.room("den")

    assert await directory.find("den") == room
