"""Accounts and log-ins over HTTP."""

from tests.transcripts.scenario import PASSWORD, Scenario


def test_http_accounts(scenario: Scenario) -> None:
    anonymous = scenario.anonymous

    scenario.heading("An account is made")
    anonymous.post("/users", {"username": "ann", "password": PASSWORD})
    anonymous.post("/users", {"username": "ann", "password": PASSWORD})
    anonymous.post(
        "/users", {"username": "Ann.Two", "password": PASSWORD, "display_name": "Ann Two"}
    )
    anonymous.post("/users", {"username": "a", "password": "short", "colour": "red"})
    anonymous.post("/users", {"username": "me", "password": PASSWORD})
    anonymous.post("/users", {"username": "ann.three", "password": "ann.three"})
    anonymous.post("/users", {"username": "ann..x", "password": PASSWORD})
    anonymous.post("/users", raw=b"{")

    scenario.heading("A user sees themselves and others")
    ann = scenario.log_in("ann")
    ann.get("/users/me")
    ann.get("/users/ann.two")
    ann.get("/users/annika")
    ann.get("/users?q=ann")
    ann.get("/users?q=ann&limit=1")
    first = ann.get("/users?q=ann&limit=1", record=False).json
    ann.get(f"/users?q=ann&limit=1&after={first['next']}")
    ann.get("/users?q=ann&limit=201&order=name")
    ann.get("/users?limit=1&limit=2")
    ann.get("/users?after=nonsense")

    scenario.heading("A user changes their account")
    ann.patch("/users/me", {"display_name": "Ann Liddell"})
    ann.patch("/users/me", {})
    ann.patch("/users/me", {"password": "a better horse battery"})
    ann.patch("/users/me", {"password": "a better horse battery", "current_password": "wrong"})
    other = scenario.log_in("ann")
    ann.patch("/users/me", {"password": "a better horse battery", "current_password": PASSWORD})
    ann.get("/users/me")
    other.get("/users/me")
    ann.patch("/users/me", {"username": "anna"})

    scenario.heading("A user erases their account")
    ann.delete("/users/me")
    ann.delete("/users/me", {"password": "wrong"})
    ann.delete("/users/me", {"password": "a better horse battery"})
    ann.get("/users/me")
    scenario.log_in("ann.two").get("/users/ann")
    anonymous.post("/users", {"username": "ann", "password": PASSWORD})

    scenario.heading("Bad access tokens")
    anonymous.get("/users/me", headers={"Authorization": "Bearer nonsense"})
    anonymous.get("/users/me", headers={"Authorization": "Basic YW5uOmFubg=="})


def test_http_blocks(scenario: Scenario) -> None:
    bob, bea = scenario.user("bob"), scenario.user("bea")

    bob.put(f"/users/me/blocks/{bea}")
    bob.put(f"/users/me/blocks/{bea}")
    bob.get("/users/me/blocks")
    bea.put(f"/rooms/direct/{bob}")
    bob.delete(f"/users/me/blocks/{bea}")
    bob.delete(f"/users/me/blocks/{bea}")
    bob.get("/users/me/blocks")
    bob.put(f"/users/me/blocks/{bob}")
    bob.put("/users/me/blocks/no-such-user")
    bob.delete("/users/me/blocks/no-such-user")
    bob.get("/users/me/blocks?limit=0")


def test_http_sessions(scenario: Scenario) -> None:
    cat = scenario.user("cat")
    anonymous = scenario.anonymous

    scenario.heading("Logging in")
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux)"}
    form = {"username": "cat", "password": PASSWORD}
    tokens = anonymous.post("/token", form=form, headers=agent).json
    anonymous.post("/token", form={**form, "grant_type": "password", "scope": "any"})
    anonymous.post("/token", form={"username": "cat", "password": "wrong"})
    anonymous.post("/token", form={"username": "no-cat", "password": PASSWORD})
    anonymous.post("/token", form={"username": "cat"})
    anonymous.post("/token", form={**form, "grant_type": "magic"})
    anonymous.post("/token", form=[("username", "cat"), ("username", "cat"), ("password", "x")])
    anonymous.post("/token", {"username": "cat", "password": PASSWORD})

    scenario.heading("A refresh token is exchanged")
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    anonymous.post("/token", form=refresh)
    anonymous.post("/token", form=refresh)
    anonymous.post("/token", form={"grant_type": "refresh_token", "refresh_token": "x" * 43})
    anonymous.post("/token", form={"grant_type": "refresh_token"})

    scenario.heading("Sessions of a user")
    sessions = cat.get("/users/me/sessions").json["sessions"]
    cat.get("/users/me/sessions?limit=1")
    cat.delete(f"/users/me/sessions/{sessions[0]['id']}")
    cat.delete(f"/users/me/sessions/{sessions[0]['id']}")
    cat.delete("/users/me/sessions/x")
    cat.get("/users/me/sessions")

    scenario.heading("A token is revoked")
    anonymous.post("/token/revoke", form={"token": tokens["refresh_token"]})
    anonymous.post("/token", form=refresh)
    anonymous.post("/token/revoke", form={"token": "nonsense"})
    anonymous.post("/token/revoke", form={})

    scenario.heading("Logging out everywhere")
    cat.delete("/users/me/sessions")
    cat.get("/users/me/sessions")
