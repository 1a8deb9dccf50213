"""Accounts and log-ins over HTTP."""

from tests.transcripts.people import PASSWORD, Talk


def test_http_accounts(talk: Talk) -> None:
    stranger = talk.stranger

    talk.heading("An account is made")
    stranger.post("/users", {"username": "ann", "password": PASSWORD})
    stranger.post("/users", {"username": "ann", "password": PASSWORD})
    stranger.post(
        "/users", {"username": "Ann.Two", "password": PASSWORD, "display_name": "Ann Two"}
    )
    stranger.post("/users", {"username": "a", "password": "short", "colour": "red"})
    stranger.post("/users", {"username": "me", "password": PASSWORD})
    stranger.post("/users", {"username": "ann.three", "password": "ann.three"})
    stranger.post("/users", {"username": "ann..x", "password": PASSWORD})
    stranger.post("/users", raw=b"{")

    talk.heading("A user sees themselves and others")
    ann = talk.log_in("ann")
    ann.get("/users/me")
    ann.get("/users/ann.two")
    ann.get("/users/annika")
    ann.get("/users?q=ann")
    ann.get("/users?q=ann&limit=1")
    first = ann.get("/users?q=ann&limit=1", quietly=True).json
    ann.get(f"/users?q=ann&limit=1&after={first['next']}")
    ann.get("/users?q=ann&limit=201&order=name")
    ann.get("/users?limit=1&limit=2")
    ann.get("/users?after=nonsense")

    talk.heading("A user changes their account")
    ann.patch("/users/me", {"display_name": "Ann Liddell"})
    ann.patch("/users/me", {})
    ann.patch("/users/me", {"password": "a better horse battery"})
    ann.patch("/users/me", {"password": "a better horse battery", "current_password": "wrong"})
    other = talk.log_in("ann")
    ann.patch("/users/me", {"password": "a better horse battery", "current_password": PASSWORD})
    ann.get("/users/me")
    other.get("/users/me")
    ann.patch("/users/me", {"username": "anna"})

    talk.heading("A user erases their account")
    ann.delete("/users/me")
    ann.delete("/users/me", {"password": "wrong"})
    ann.delete("/users/me", {"password": "a better horse battery"})
    ann.get("/users/me")
    talk.log_in("ann.two").get("/users/ann")
    stranger.post("/users", {"username": "ann", "password": PASSWORD})

    talk.heading("What is no access token")
    stranger.get("/users/me", headers={"Authorization": "Bearer nonsense"})
    stranger.get("/users/me", headers={"Authorization": "Basic YW5uOmFubg=="})


def test_http_blocks(talk: Talk) -> None:
    bob, bea = talk.person("bob"), talk.person("bea")

    bob.put(f"/users/me/blocks/{bea}")
    bob.put(f"/users/me/blocks/{bea}")
    bob.get("/users/me/blocks")
    bea.put(f"/rooms/direct/{bob}")
    bob.delete(f"/users/me/blocks/{bea}")
    bob.delete(f"/users/me/blocks/{bea}")
    bob.get("/users/me/blocks")
    bob.put(f"/users/me/blocks/{bob}")
    bob.put("/users/me/blocks/nobody-here")
    bob.delete("/users/me/blocks/nobody-here")
    bob.get("/users/me/blocks?limit=0")


def test_http_sessions(talk: Talk) -> None:
    cat = talk.person("cat")
    stranger = talk.stranger

    talk.heading("Logging in")
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux)"}
    form = {"username": "cat", "password": PASSWORD}
    tokens = stranger.post("/token", form=form, headers=agent).json
    stranger.post("/token", form={**form, "grant_type": "password", "scope": "any"})
    stranger.post("/token", form={"username": "cat", "password": "wrong"})
    stranger.post("/token", form={"username": "no-cat", "password": PASSWORD})
    stranger.post("/token", form={"username": "cat"})
    stranger.post("/token", form={**form, "grant_type": "magic"})
    stranger.post("/token", form=[("username", "cat"), ("username", "cat"), ("password", "x")])
    stranger.post("/token", {"username": "cat", "password": PASSWORD})

    talk.heading("A refresh token is exchanged")
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    stranger.post("/token", form=refresh)
    stranger.post("/token", form=refresh)
    stranger.post("/token", form={"grant_type": "refresh_token", "refresh_token": "x" * 43})
    stranger.post("/token", form={"grant_type": "refresh_token"})

    talk.heading("One's log-ins")
    sessions = cat.get("/users/me/sessions").json["sessions"]
    cat.get("/users/me/sessions?limit=1")
    cat.delete(f"/users/me/sessions/{sessions[0]['id']}")
    cat.delete(f"/users/me/sessions/{sessions[0]['id']}")
    cat.delete("/users/me/sessions/x")
    cat.get("/users/me/sessions")

    talk.heading("A token is revoked")
    stranger.post("/token/revoke", form={"token": tokens["refresh_token"]})
    stranger.post("/token", form=refresh)
    stranger.post("/token/revoke", form={"token": "nonsense"})
    stranger.post("/token/revoke", form={})

    talk.heading("Logging out everywhere")
    cat.delete("/users/me/sessions")
    cat.get("/users/me/sessions")
