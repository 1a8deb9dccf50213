"""Tokens over HTTP."""

import pytest
from httpx2 import AsyncClient

from tests.api.people import PASSWORD, bearer, code, fields, log_in, person, register


@pytest.fixture
async def alice(client: AsyncClient) -> dict[str, str]:
    """The tokens of alice."""
    await register(client, "alice")
    tokens: dict[str, str] = (await log_in(client, "alice")).json()
    return tokens


async def refresh(client: AsyncClient, token: str) -> object:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return await client.post("/token", data=form)


async def test_a_password_is_exchanged_for_tokens(client: AsyncClient) -> None:
    await register(client, "alice")

    answer = await client.post(
        "/token", data={"grant_type": "password", "username": "Alice", "password": PASSWORD}
    )

    tokens = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 900)
    me = await client.get("/users/me", headers=bearer(tokens["access_token"]))
    assert me.json()["username"] == "alice"


async def test_the_form_of_swagger_ui_is_accepted(client: AsyncClient) -> None:
    await register(client, "alice")

    answer = await client.post(
        "/token",
        data={
            "grant_type": "password",
            "username": "alice",
            "password": PASSWORD,
            "scope": "",
            "client_id": "swagger",
            "client_secret": "",
        },
        headers={"Authorization": "Basic c3dhZ2dlcjo="},
    )

    assert answer.status_code == 200


async def test_an_unknown_user_and_a_wrong_password_look_the_same(client: AsyncClient) -> None:
    await register(client, "alice")

    wrong = await log_in(client, "alice", "wrong password")
    unknown = await log_in(client, "unknown", PASSWORD)

    assert code(wrong) == (401, "unauthorized")
    assert wrong.json()["error"] == "invalid_grant"
    assert wrong.json() == unknown.json()


async def test_a_refresh_token_is_exchanged(client: AsyncClient, alice: dict[str, str]) -> None:
    answer = await refresh(client, alice["refresh_token"])

    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != alice["refresh_token"]
    new = bearer(answer.json()["access_token"])
    assert (await client.get("/users/me", headers=new)).status_code == 200


async def test_an_invalid_refresh_token_is_an_invalid_grant(
    client: AsyncClient, alice: dict[str, str]
) -> None:
    for token in ("x", alice["access_token"], "x" * 10_000):
        answer = await refresh(client, token)
        assert code(answer) == (401, "unauthorized")
        assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("grant", ["client_credentials", "PASSWORD", "authorization_code", " "])
async def test_other_grants_are_a_bad_request(client: AsyncClient, grant: str) -> None:
    answer = await client.post("/token", data={"grant_type": grant})

    assert code(answer) == (400, "bad_request")
    assert "unsupported_grant_type" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("form", "missing"),
    [
        ({}, "username"),
        ({"username": "alice"}, "password"),
        ({"password": "x"}, "username"),
        ({"grant_type": "refresh_token"}, "refresh_token"),
    ],
)
async def test_a_missing_field_is_named(
    client: AsyncClient, form: dict[str, str], missing: str
) -> None:
    assert fields(await client.post("/token", data=form)) == [missing]


async def test_a_repeated_field_is_a_bad_request(client: AsyncClient) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    for path, body in (
        ("/token", b"username=alice&username=bob&password=x"),
        ("/token/revoke", b"token=a&token=b"),
    ):
        assert code(await client.post(path, content=body, headers=headers)) == (400, "bad_request")


async def test_json_is_not_accepted_as_a_form(client: AsyncClient) -> None:
    answer = await client.post("/token", json={"username": "alice", "password": PASSWORD})

    assert code(answer) == (422, "invalid")
    assert PASSWORD not in answer.text


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_logging_out_with_either_token(
    client: AsyncClient, alice: dict[str, str], kind: str
) -> None:
    for _ in range(2):
        answer = await client.post("/token/revoke", data={"token": alice[kind]})
        assert answer.status_code == 200

    me = await client.get("/users/me", headers=bearer(alice["access_token"]))
    assert code(me) == (401, "unauthorized")
    assert code(await refresh(client, alice["refresh_token"])) == (401, "unauthorized")


async def test_revoking_an_invalid_token_succeeds(client: AsyncClient) -> None:
    form = {"token": "nonsense", "token_type_hint": "refresh_token"}

    assert (await client.post("/token/revoke", data=form)).status_code == 200
    assert fields(await client.post("/token/revoke", data={})) == ["token"]


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": ""}, id="empty"),
        pytest.param({"Authorization": "Bearer"}, id="no token"),
        pytest.param({"Authorization": "Bearer "}, id="an empty token"),
        pytest.param({"Authorization": "Bearer nonsense"}, id="nonsense"),
        pytest.param({"Authorization": "Basic YWxpY2U6eA=="}, id="basic"),
        pytest.param({"Authorization": "Bearer a b c"}, id="three words"),
    ],
)
async def test_a_missing_or_malformed_token_is_unauthorized(
    client: AsyncClient, header: dict[str, str]
) -> None:
    answer = await client.get("/users/me", headers=header)

    assert code(answer) == (401, "unauthorized")
    assert "error" not in answer.json()


async def test_sessions_are_listed_and_ended(client: AsyncClient) -> None:
    laptop = await person(client, "alice")
    phone = bearer((await log_in(client, "alice")).json()["access_token"])

    listed = (await client.get("/users/me/sessions", headers=laptop)).json()

    assert listed["next"] is None
    newest, oldest = listed["sessions"]
    assert [newest["current"], oldest["current"]] == [False, True]
    assert newest.keys() == {
        "id", "label", "created_at", "last_used_at", "expires_at", "current"
    }  # fmt: skip
    assert newest["label"].startswith("python-httpx2")

    ended = await client.delete(f"/users/me/sessions/{newest['id']}", headers=laptop)
    assert (ended.status_code, ended.content) == (204, b"")
    assert code(await client.get("/users/me", headers=phone)) == (401, "unauthorized")
    again = await client.delete(f"/users/me/sessions/{newest['id']}", headers=laptop)
    assert again.status_code == 204


async def test_sessions_are_paged(client: AsyncClient) -> None:
    alice = await person(client, "alice")
    for _ in range(2):
        await log_in(client, "alice")
    seen, after = [], ""

    while True:
        page = (await client.get(f"/users/me/sessions?limit=2{after}", headers=alice)).json()
        seen += [session["id"] for session in page["sessions"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert len(seen) == len(set(seen)) == 3
    assert seen == sorted(seen, reverse=True)


async def test_ending_all_sessions_includes_the_current_one(client: AsyncClient) -> None:
    alice = await person(client, "alice")
    eve = await person(client, "eve")

    assert (await client.delete("/users/me/sessions", headers=alice)).status_code == 204

    assert code(await client.get("/users/me", headers=alice)) == (401, "unauthorized")
    assert (await client.get("/users/me", headers=eve)).status_code == 200


async def test_the_session_of_another_user_is_not_ended(client: AsyncClient) -> None:
    alice, eve = await person(client, "alice"), await person(client, "eve")
    (session,) = (await client.get("/users/me/sessions", headers=alice)).json()["sessions"]

    await client.delete(f"/users/me/sessions/{session['id']}", headers=eve)

    assert (await client.get("/users/me", headers=alice)).status_code == 200


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", str(2**63), "9" * 5_000])
async def test_an_invalid_session_id_names_the_field(client: AsyncClient, number: str) -> None:
    alice = await person(client, "alice")

    assert fields(await client.delete(f"/users/me/sessions/{number}", headers=alice)) == ["id"]
