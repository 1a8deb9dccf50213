"""
Every operation of the API, for everybody, in rooms of every kind.

The operations are those of the OpenAPI document, so that none can be forgotten; who may do
what is written down in :mod:`tests.api.matrix`, independently of the code that decides it.
"""

from typing import Any

import pytest

from app.domain.errors import ParleyError
from app.security.access_tokens import AccessTokens
from tests.api.matrix import ADMINS, ANYBODY, HIDDEN, OK, OPERATIONS, PEOPLE, Case, Rule
from tests.api.scenes import NOWHERE, Operation, Scene, Stage, admin_service
from tests.harness.server import SECRET, Server

KINDS = ("public", "private", "direct")
# What differs between any two answers.
_OF_THIS_ANSWER = frozenset({"x-request-id", "date"})


def test_every_operation_says_who_may() -> None:
    assert set(OPERATIONS) == set(admin_service())
    for id, cases in OPERATIONS.items():
        assert cases, id
        for case in cases:
            # Open are those that the document says are, and no others.
            assert (case.rule == ANYBODY) != admin_service()[id].secured, id
            assert (case.rule == ADMINS) == admin_service()[id].path.startswith("/admin/"), id
            if admin_service()[id].in_room:
                assert isinstance(case.rule, Rule), id


def statuses() -> dict[str, int]:
    """The status of every code."""
    found: dict[str, int] = {}
    kinds = [ParleyError]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if "code" in vars(kind):
            found[kind.code] = kind.status
    return found


def said(answer: Any) -> str:
    """``ok``, or the code of the error, whose status is right."""
    if answer.status_code < 300:
        return OK
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code == statuses()[problem["code"]]
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    return str(problem["code"])


@pytest.fixture
async def stage(server: Server) -> Stage:
    """Everybody of the matrix has moved in."""
    return await Stage(server).set()


@pytest.mark.parametrize("id", OPERATIONS)
async def test_everybody_is_answered_as_the_matrix_says(stage: Stage, id: str) -> None:
    operation = admin_service()[id]
    await stage.give_passwords()
    for case in OPERATIONS[id]:
        for kind in KINDS if isinstance(case.rule, Rule) else ("private",):
            answers, expected = {}, {}
            scene = await stage.scene(kind)
            if id == "acceptInvite":
                await stage.invite(scene)
            for who in (None, *PEOPLE):
                if isinstance(case.rule, Rule) and operation.method != "GET":
                    # Whatever was done, the next one finds everything as it was.
                    scene = await stage.scene(kind)
                answers[who] = said(await stage.ask(operation, case, scene, who))
                expected[who] = case.answer(kind, who)
            assert answers == expected, (kind, case.what)


# Nobody learns of a room by what they are answered


def seen(answer: Any) -> Any:
    """All of an answer that could tell something."""
    headers = {n: v for n, v in answer.headers.items() if n not in _OF_THIS_ANSWER}
    return answer.status_code, headers, answer.content


def in_rooms() -> list[str]:
    """The operations that are about a room, and may so tell of it."""
    about = [id for id, operation in admin_service().items() if operation.in_room]
    return [*about, "search"]


def asked_about(case: Case, operation: Operation) -> list[dict[str, Any]]:
    """Ways to ask: the usual one, about what is not there, and with what can't be read."""
    ways: list[dict[str, Any]] = [{}]
    if "{username}" in operation.path:
        ways += [{"path": {"username": "nobody-at-all"}}, {"path": {"username": "otto"}}]
    if "{seq}" in operation.path:
        ways += [{"path": {"seq": "1"}}, {"path": {"seq": "99"}}]
    if "{id}" in operation.path:
        ways += [{"path": {"id": "99"}}]
    if case.body is not None:
        ways += [{"body": {"no": "such field"}}]
    return ways


@pytest.mark.parametrize("id", in_rooms())
async def test_a_hidden_room_is_like_one_that_does_not_exist(stage: Stage, id: str) -> None:
    operation = admin_service()[id]
    for case in OPERATIONS[id]:
        if not isinstance(case.rule, Rule):
            continue
        for kind in ("private", "direct"):
            scene = await stage.scene(kind)
            strangers = [name for name in PEOPLE if case.answer(kind, name) == HIDDEN]
            assert {"otto", "rex", "ben", "root"} <= set(strangers)
            for way in asked_about(case, operation):
                for who in strangers:
                    there = await stage.ask(operation, case, scene, who, **way)
                    nowhere = await stage.ask(operation, case, NOWHERE, who, **way)
                    assert seen(there) == seen(nowhere), (kind, who, way)
                    assert there.status_code in (404, 422)


async def test_what_is_said_in_a_hidden_room_is_not_found(stage: Stage) -> None:
    for kind in ("private", "direct"):
        await stage.scene(kind)
    find = admin_service()["search"]
    [by_word, _] = OPERATIONS["search"]

    for who in ("otto", "rex", "ben", "root"):
        answer = await stage.ask(find, by_word, NOWHERE, who)
        assert answer.json() == {"messages": [], "next": None}
        listed = (await (await stage.person(who)).http.get("/rooms")).json()["rooms"]
        assert [room["name"] for room in listed] == ["general"]


# Tokens


def secured() -> list[str]:
    """The operations that ask for a log-in."""
    return [id for id, operation in admin_service().items() if operation.secured]


@pytest.mark.parametrize("id", secured())
async def test_no_other_token_is_an_access_token(stage: Stage, id: str) -> None:
    operation, [case, *_] = admin_service()[id], OPERATIONS[id]
    server = stage.server
    # Who may do it all.
    who = "root" if case.rule == ADMINS else "tom"
    person = await stage.person(who)
    scene = Scene("general", 1)
    tokens = AccessTokens(SECRET, [], 15)
    gone = await server.logs_in(who)
    await server.logs_out(gone)
    wrong = {
        "another's": AccessTokens("another-secret-of-32-characters!", [], 15).issue(
            person.user, person.session, server.clock()
        ),
        "of an ended log-in": gone.token,
        "of no log-in": tokens.issue(person.user, gone.session, server.clock()),
        "refresh": "kq3v9x2_w8uYcT5rZ1nB7mD4fG6hJ0sLpQaEiOyUtRx",
        "empty": "",
        "cut": person.token[:-1],
    }
    if case.rule != ADMINS:
        wrong["operator's"] = tokens.operator(server.clock())

    for name, token in wrong.items():
        headers = {**case.headers, "Authorization": f"Bearer {token}"}
        answer = await stage.request(operation, case, scene, who, headers)
        assert said(answer) == "unauthorized", name

    server.clock.pass_time(seconds=15 * 60 + 1)
    expired = await stage.ask(operation, case, scene, who)
    assert said(expired) == "token_expired"


async def test_a_refresh_token_is_no_access_token(stage: Stage) -> None:
    await stage.give_passwords()
    log_in = admin_service()["logIn"]
    tokens = (await stage.ask(log_in, OPERATIONS["logIn"][0], NOWHERE, None)).json()

    for token, expected in ((tokens["refresh_token"], 401), (tokens["access_token"], 200)):
        headers = {"Authorization": f"Bearer {token}"}
        answer = await stage.server.client.get("/users/me", headers=headers)
        assert answer.status_code == expected
