"""
Every operation of the API, for every role, in rooms of every kind.

The operations are read from the OpenAPI document, so none can be forgotten. The expected results
are in :mod:`tests.api.matrix`, independent of the code that decides.
"""

from typing import Any

import pytest

from app.domain.errors import ParleyError
from app.security.access_tokens import AccessTokens
from app.store.database import Database
from tests.api.authorization_env import NOWHERE, AuthorizationEnv, Operation, Target, operations
from tests.api.matrix import ADMINS, ANYONE, HIDDEN, OK, OPERATIONS, OPERATOR, PEOPLE, Case, Rule
from tests.harness.recording import RecordingDatabase
from tests.harness.server import SECRET, Server, open_server

# No background work beside the requests that are compared.
QUIET = {"messages": {"index_seconds": 3_600.0, "purge_seconds": 3_600.0}}
KINDS = ("public", "private", "direct")
# Headers that differ between any two responses.
_OF_THIS_ANSWER = frozenset({"x-request-id", "date"})


def test_every_operation_is_in_the_matrix() -> None:
    assert set(OPERATIONS) == set(operations())
    for id, cases in OPERATIONS.items():
        assert cases, id
        for case in cases:
            # Open operations are exactly those without security in the document.
            assert (case.rule == ANYONE) != operations()[id].secured, id
            is_admins = case.rule in (ADMINS, OPERATOR)
            assert is_admins == operations()[id].path.startswith("/admin/"), id
            if operations()[id].in_room:
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
    """``ok``, or the code of the error; checks that its status is right."""
    if answer.status_code < 300:
        return OK
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code == statuses()[problem["code"]]
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    return str(problem["code"])


@pytest.fixture
async def env(server: Server) -> AuthorizationEnv:
    """The users of the matrix have accounts."""
    return await AuthorizationEnv(server).create_users()


def by_kind(id: str) -> bool:
    """Whether the kind of a room decides about this operation."""
    return any(isinstance(case.rule, Rule) for case in OPERATIONS[id])


def in_rooms_of_kinds() -> list[Any]:
    """Every operation, in a private room; in slow runs, in rooms of the other kinds too."""
    others = [kind for kind in KINDS if kind != "private"]
    return [
        *(pytest.param(id, "private", id=id) for id in OPERATIONS),
        *(
            pytest.param(id, kind, id=f"{id}-{kind}", marks=pytest.mark.slow)
            for id in OPERATIONS
            if by_kind(id)
            for kind in others
        ),
    ]


@pytest.mark.parametrize(("id", "kind"), in_rooms_of_kinds())
async def test_an_operation_answers_as_the_matrix_says(
    env: AuthorizationEnv, id: str, kind: str
) -> None:
    operation = operations()[id]
    await env.set_passwords()
    for case in OPERATIONS[id]:
        answers, expected = {}, {}
        target = await env.target(kind)
        if id == "acceptInvite":
            await env.invite(target)
        for who in (None, *PEOPLE):
            if isinstance(case.rule, Rule) and operation.method != "GET":
                # Each user acts on a new room, since the previous one may have changed it.
                target = await env.target(kind)
            answers[who] = said(await env.ask(operation, case, target, who))
            expected[who] = case.answer(kind, who)
        assert answers == expected, case.what


# Responses reveal nothing about hidden rooms


def seen(answer: Any) -> Any:
    """Everything in a response that could reveal something."""
    headers = {n: v for n, v in answer.headers.items() if n not in _OF_THIS_ANSWER}
    return answer.status_code, headers, answer.content


def in_rooms() -> list[str]:
    """The operations that concern a room, and could reveal it."""
    about = [id for id, operation in operations().items() if operation.in_room]
    return [*about, "search"]


def asked_about(case: Case, operation: Operation) -> list[dict[str, Any]]:
    """Variants of the request: the usual one, missing resources, and an invalid body."""
    ways: list[dict[str, Any]] = [{}]
    if "{username}" in operation.path:
        ways += [{"path": {"username": "no-such-user"}}, {"path": {"username": "otto"}}]
    if "{seq}" in operation.path:
        ways += [{"path": {"seq": "1"}}, {"path": {"seq": "99"}}]
    if "{id}" in operation.path:
        ways += [{"path": {"id": "99"}}]
    if case.body is not None:
        ways += [{"body": {"no": "such field"}}]
    return ways


@pytest.mark.parametrize("kind", ["private", pytest.param("direct", marks=pytest.mark.slow)])
@pytest.mark.parametrize("id", in_rooms())
async def test_a_hidden_room_is_like_one_that_does_not_exist(
    env: AuthorizationEnv, id: str, kind: str
) -> None:
    operation = operations()[id]
    for case in OPERATIONS[id]:
        if not isinstance(case.rule, Rule):
            continue
        target = await env.target(kind)
        strangers = [name for name in PEOPLE if case.answer(kind, name) == HIDDEN]
        assert {"otto", "rex", "ben", "root"} <= set(strangers)
        for way in asked_about(case, operation):
            for who in strangers:
                there = await env.ask(operation, case, target, who, **way)
                nowhere = await env.ask(operation, case, NOWHERE, who, **way)
                assert seen(there) == seen(nowhere), (who, way)
                assert there.status_code in (404, 422)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("kind", ["private", pytest.param("direct", marks=pytest.mark.slow)])
@pytest.mark.parametrize("id", in_rooms())
async def test_a_hidden_room_takes_the_same_statements(
    database: Database, id: str, kind: str
) -> None:
    operation, recording = operations()[id], RecordingDatabase(database)
    async with open_server(recording, limits=QUIET) as server:
        env = await AuthorizationEnv(server).create_users()
        for case in OPERATIONS[id]:
            if not isinstance(case.rule, Rule):
                continue
            target = await env.target(kind)
            # What the first search after a start does.
            await server.runtime.messages.indexer.catch_up()
            for way in asked_about(case, operation):
                for who in ("otto", "rex"):
                    there, nowhere = await recording.compared(
                        lambda room, who=who, way=way, case=case: env.ask(
                            operation, case, room, who, **way
                        ),
                        (target, NOWHERE),
                    )
                    assert there == nowhere, (who, way)


async def test_search_finds_no_message_of_a_hidden_room(env: AuthorizationEnv) -> None:
    for kind in ("private", "direct"):
        await env.target(kind)
    find = operations()["search"]
    [by_word, _] = OPERATIONS["search"]

    for who in ("otto", "rex", "ben", "root"):
        answer = await env.ask(find, by_word, NOWHERE, who)
        assert answer.json() == {"messages": [], "next": None}
        listed = (await (await env.person(who)).http.get("/rooms")).json()["rooms"]
        assert [room["name"] for room in listed] == ["general"]


# Tokens


def secured() -> list[str]:
    """The operations that need an access token."""
    return [id for id, operation in operations().items() if operation.secured]


@pytest.mark.parametrize("id", secured())
async def test_any_other_token_is_refused(env: AuthorizationEnv, id: str) -> None:
    operation, [case, *_] = operations()[id], OPERATIONS[id]
    server = env.server
    # A user with permission for everything.
    who = "root" if case.rule == ADMINS else "tom"
    person = await env.person(who)
    target = Target("general", 1)
    tokens = AccessTokens(SECRET, [], 15)
    gone = await server.logs_in(who)
    await server.logs_out(gone)
    wrong = {
        "another's": AccessTokens("another-secret-of-32-characters!", [], 15).issue(
            person.user, person.session, server.clock()
        ),
        "of an ended session": gone.token,
        "of no session": tokens.issue(person.user, gone.session, server.clock()),
        "refresh": "kq3v9x2_w8uYcT5rZ1nB7mD4fG6hJ0sLpQaEiOyUtRx",
        "empty": "",
        "cut": person.token[:-1],
    }
    if case.rule not in (ADMINS, OPERATOR):
        wrong["operator's"] = tokens.operator(server.clock())

    for name, token in wrong.items():
        headers = {**case.headers, "Authorization": f"Bearer {token}"}
        answer = await env.request(operation, case, target, who, headers)
        assert said(answer) == "unauthorized", name

    server.clock.pass_time(seconds=15 * 60 + 1)
    expired = await env.ask(operation, case, target, who)
    assert said(expired) == "token_expired"


async def test_a_refresh_token_is_not_an_access_token(env: AuthorizationEnv) -> None:
    await env.set_passwords()
    log_in = operations()["logIn"]
    tokens = (await env.ask(log_in, OPERATIONS["logIn"][0], NOWHERE, None)).json()

    for token, expected in ((tokens["refresh_token"], 401), (tokens["access_token"], 200)):
        headers = {"Authorization": f"Bearer {token}"}
        answer = await env.server.client.get("/users/me", headers=headers)
        assert answer.status_code == expected
