"""Rooms by name."""

import pytest

from app.domain.errors import RoomNotFound
from app.domain.ids import RoomId
from app.services.rooms.room_directory import RoomDirectory
from app.store.batch_loader import BatchLoader
from tests.harness.databases import GatedDatabase
from tests.harness.server import Server


async def test_a_room_is_looked_up_once(gated: GatedDatabase) -> None:
    directory = RoomDirectory(BatchLoader(gated))
    assert directory.known("general") is None

    assert await directory.find("GENERAL") == RoomId(1)
    assert await directory.find("general") == directory.known("general") == RoomId(1)
    assert gated.reads == 1

    for name in ("nowhere", "no..name"):
        with pytest.raises(RoomNotFound):
            await directory.find(name)


async def test_a_directory_remembers_so_many_rooms(server: Server) -> None:
    directory = RoomDirectory(BatchLoader(server.database), max_remembered=1)
    await server.room("den")
    await directory.find("den")

    await directory.find("general")

    assert directory.known("general") == RoomId(1)
    assert directory.known("den") is None


async def test_a_room_that_is_made_later_is_found(server: Server) -> None:
    directory = server.runtime.rooms.directory
    with pytest.raises(RoomNotFound):
        await directory.find("den")

    room = await server.room("den")

    assert await directory.find("den") == room
