"""Concurrent changes of rooms; tests/api/test_rooms.py covers everything else."""

from collections.abc import Awaitable

import pytest

from app.domain.appends import Admit, Ban, Remove, Send
from app.domain.errors import Conflict, ParleyError
from app.domain.roles import Role
from tests.harness.server import Server
from tests.harness.socket_client import together
from tests.services.rooms.env import roles, set_role


async def test_concurrent_openings_of_a_direct_room_return_the_same_room(server: Server) -> None:
    ana, bo = await server.person("ana"), await server.person("bo")

    rooms = await together(
        *(server.runtime.rooms.rooms.open_direct(ana.user, "bo") for _ in range(4)),
        *(server.runtime.rooms.rooms.open_direct(bo.user, "ana") for _ in range(4)),
    )

    assert len({room.room for room in rooms}) == 1
    assert {room.head for room in rooms} == {2}


async def test_concurrent_creations_of_a_room_succeed_once(server: Server) -> None:
    ana = await server.person("ana")

    answers = await together(
        *(ana.http.post("/rooms", json={"name": "den", "kind": "public"}) for _ in range(8))
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


async def test_of_two_owners_leaving_at_once_one_stays(server: Server) -> None:
    await server.room("den", members=["bo"])
    await set_role(server, "den", "bo", Role.OWNER)
    people = [await server.person(name) for name in ("ana", "bo")]

    answers = await together(
        *(person.http.delete(f"/rooms/den/members/{person.name}") for person in people)
    )

    assert sorted(answer.status_code for answer in answers) == [204, 409]
    assert list((await roles(server, "den")).values()) == [Role.OWNER]


async def test_a_message_after_a_ban_is_refused(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo = await server.person("bo")

    _, sent = await together(
        server.append(Ban, "den", by="ana", user=bo.user, on=True),
        outcome_of(server.append(Send, "den", by="bo", text="hello?")),
    )

    assert sent == "banned"


async def outcome_of(appending: Awaitable[object]) -> str:
    try:
        await appending
    except ParleyError as exc:
        return exc.code
    return "done"


async def test_not_even_the_operator_can_remove_the_last_owner(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana, bo = await server.person("ana"), await server.person("bo")

    with pytest.raises(Conflict):
        await server.append(Remove, "den", by=None, user=ana.user)
    await server.append(Admit, "den", by=None, user=bo.user, role=Role.OWNER)
    await server.append(Remove, "den", by=None, user=ana.user)

    assert await roles(server, "den") == {"bo": Role.OWNER}
