"""Every request on a WebSocket, for every role, in rooms of every kind, by the same matrix."""

import json
from typing import Any, get_args

import pytest

from app.store.database import Database
from app.wire import requests
from tests.api.authorization_env import NOWHERE, AuthorizationEnv, Target
from tests.api.matrix import HIDDEN, OK, PEOPLE, REQUESTS, Rule
from tests.api.test_authorization import QUIET
from tests.harness.recording import RecordingDatabase
from tests.harness.server import Server, open_server
from tests.harness.socket_client import SocketClient

KINDS = ("public", "private", "direct")


@pytest.fixture
async def env(server: Server) -> AuthorizationEnv:
    """The users of the matrix have accounts."""
    return await AuthorizationEnv(server).create_users()


def test_every_request_is_in_the_matrix() -> None:
    types = {
        get_args(kind.model_fields["type"].annotation)[0]
        for kind in vars(requests).values()
        if isinstance(kind, type)
        and issubclass(kind, requests.Request)
        and "type" in kind.model_fields
    }

    assert set(REQUESTS) == types


async def asks(
    line: SocketClient, type: str, fields: dict[str, Any], target: Target
) -> dict[str, Any]:
    """Send a request about the target, and return the answer."""
    said = {n: target.seq if value == "{seq}" else value for n, value in fields.items()}
    return await line.ask(type, room=target.room, **said)


@pytest.mark.parametrize("type", REQUESTS)
async def test_a_request_is_answered_as_the_matrix_says(env: AuthorizationEnv, type: str) -> None:
    lines = {who: await env.server.connects(who) for who in PEOPLE}
    for rule, fields in REQUESTS[type]:
        for kind in KINDS:
            answers, expected = {}, {}
            for who, line in lines.items():
                frame = await asks(line, type, fields, await env.target(kind))
                answers[who] = frame.get("code", OK)
                view = PEOPLE[who]
                expected[who] = rule.answer(kind, view) if isinstance(rule, Rule) else OK
            assert answers == expected, kind


@pytest.mark.parametrize("type", REQUESTS)
async def test_a_hidden_room_is_like_one_that_does_not_exist(
    env: AuthorizationEnv, type: str
) -> None:
    for who in ("otto", "rex", "ben", "root"):
        line = await env.server.connects(who)
        for _, fields in REQUESTS[type]:
            for kind in ("private", "direct"):
                there = await asks(line, type, fields, await env.target(kind))
                nowhere = await asks(line, type, fields, NOWHERE)
                there.pop("re")
                nowhere.pop("re")
                assert there == nowhere, (who, kind)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("kind", ["private", "direct"])
@pytest.mark.parametrize("type", REQUESTS)
async def test_a_hidden_room_takes_the_same_statements(
    database: Database, type: str, kind: str
) -> None:
    recording = RecordingDatabase(database)
    async with open_server(recording, limits=QUIET) as server:
        env = await AuthorizationEnv(server).create_users()
        target = await env.target(kind)
        for who in ("otto", "rex"):
            line = await server.connects(who)
            await line.hears("welcome")
            for _, fields in REQUESTS[type]:
                there, nowhere = await recording.compared(
                    lambda room, line=line, fields=fields: asks(line, type, fields, room),
                    (target, NOWHERE),
                )
                assert there == nowhere, (who, fields)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_room_of_the_path(env: AuthorizationEnv, kind: str) -> None:
    [(rule, _)] = REQUESTS["join"]
    assert isinstance(rule, Rule)
    for who, view in PEOPLE.items():
        target = await env.target(kind)
        answer = rule.answer(kind, view)
        if answer == OK:
            line = await env.server.joins(who, target.room)
            assert line.heard[1]["type"] == "joined"
        else:
            line = await env.server.connects(who, target.room)
            code, reason = await line.is_closed()
            assert code == (4004 if answer == HIDDEN else 4003)
            nowhere = await env.server.connects(who, NOWHERE.room)
            if answer == HIDDEN:
                assert (code, reason) == await nowhere.is_closed()
                assert _told(line) == _told(nowhere)


def _told(line: SocketClient) -> list[str]:
    return [json.dumps({**f, "server_time": "", "expires_in": 0}) for f in line.heard]
