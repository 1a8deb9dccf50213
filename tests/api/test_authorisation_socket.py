"""
Every request on a socket, for everybody, in rooms of every kind: by the rules of the same matrix.
"""

import json
from typing import Any, get_args

import pytest

from app.wire import requests
from tests.api.matrix import HIDDEN, OK, PEOPLE, REQUESTS, Rule
from tests.api.scenes import NOWHERE, Scene, Stage
from tests.harness.server import Server
from tests.harness.socket_client import SocketClient

KINDS = ("public", "private", "direct")


@pytest.fixture
async def stage(server: Server) -> Stage:
    """Everybody of the matrix has moved in."""
    return await Stage(server).set()


def test_every_request_says_who_may() -> None:
    types = {
        get_args(kind.model_fields["type"].annotation)[0]
        for kind in vars(requests).values()
        if isinstance(kind, type)
        and issubclass(kind, requests.Request)
        and "type" in kind.model_fields
    }

    assert set(REQUESTS) == types


async def asks(
    line: SocketClient, type: str, fields: dict[str, Any], scene: Scene
) -> dict[str, Any]:
    """Make a request about a scene, and hear the answer."""
    said = {n: scene.seq if value == "{seq}" else value for n, value in fields.items()}
    return await line.ask(type, room=scene.room, **said)


@pytest.mark.parametrize("type", REQUESTS)
async def test_everybody_is_answered_as_the_matrix_says(stage: Stage, type: str) -> None:
    lines = {who: await stage.server.connects(who) for who in PEOPLE}
    for rule, fields in REQUESTS[type]:
        for kind in KINDS:
            answers, expected = {}, {}
            for who, line in lines.items():
                frame = await asks(line, type, fields, await stage.scene(kind))
                answers[who] = frame.get("code", OK)
                view = PEOPLE[who]
                expected[who] = rule.answer(kind, view) if isinstance(rule, Rule) else OK
            assert answers == expected, kind


@pytest.mark.parametrize("type", REQUESTS)
async def test_a_hidden_room_is_like_one_that_does_not_exist(stage: Stage, type: str) -> None:
    for who in ("otto", "rex", "ben", "root"):
        line = await stage.server.connects(who)
        for _, fields in REQUESTS[type]:
            for kind in ("private", "direct"):
                there = await asks(line, type, fields, await stage.scene(kind))
                nowhere = await asks(line, type, fields, NOWHERE)
                there.pop("re")
                nowhere.pop("re")
                assert there == nowhere, (who, kind)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_room_of_the_path(stage: Stage, kind: str) -> None:
    [(rule, _)] = REQUESTS["join"]
    assert isinstance(rule, Rule)
    for who, view in PEOPLE.items():
        scene = await stage.scene(kind)
        answer = rule.answer(kind, view)
        if answer == OK:
            line = await stage.server.joins(who, scene.room)
            assert line.heard[1]["type"] == "joined"
        else:
            line = await stage.server.connects(who, scene.room)
            code, reason = await line.is_closed()
            assert code == (4004 if answer == HIDDEN else 4003)
            nowhere = await stage.server.connects(who, NOWHERE.room)
            if answer == HIDDEN:
                assert (code, reason) == await nowhere.is_closed()
                assert _told(line) == _told(nowhere)


def _told(line: SocketClient) -> list[str]:
    return [json.dumps({**f, "server_time": "", "expires_in": 0}) for f in line.heard]
