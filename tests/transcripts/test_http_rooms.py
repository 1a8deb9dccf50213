"""Rooms, members and invites over HTTP."""

from tests.transcripts.scenario import Scenario


def test_http_rooms(scenario: Scenario) -> None:
    dan, dee = scenario.user("dan"), scenario.user("dee")

    scenario.heading("Rooms are made")
    dan.post("/rooms", {"name": "dan-den", "kind": "private"})
    dan.post("/rooms", {"name": "Dan-Hall", "title": "The hall", "kind": "public"})
    dee.post("/rooms", {"name": "dan-hall", "kind": "public"})
    dan.post("/rooms", {"name": "dan-two"})
    dan.post("/rooms", {"name": "-x", "kind": "public"})
    dan.post("/rooms", {"name": "dm-x", "kind": "public"})
    dan.post("/rooms", {"name": "dan-two", "kind": "direct"})

    scenario.heading("Rooms are found")
    dan.get("/rooms?q=dan-")
    dee.get("/rooms?q=dan-")
    dee.get("/rooms?member=true")
    page = dan.get("/rooms?q=dan-&limit=1").json
    dan.get(f"/rooms?q=dan-&limit=1&after={page['next']}")
    dan.get("/rooms?member=maybe")
    dan.get("/rooms/dan-den")
    dee.get("/rooms/dan-den")
    dee.get("/rooms/dan-hall")
    dee.get("/rooms/no..room")

    scenario.heading("A room is changed")
    dan.patch("/rooms/dan-hall", {"title": "The great hall", "slow_mode_seconds": 30})
    dan.patch("/rooms/dan-hall", {"title": "The great hall"})
    dan.patch("/rooms/dan-hall", {"slow_mode_seconds": 0})
    dan.patch("/rooms/dan-hall", {"slow_mode_seconds": -1, "name": "x"})
    dee.patch("/rooms/dan-hall", {"title": "Mine"})
    dee.patch("/rooms/dan-den", {"title": "Mine"})

    scenario.heading("What a member is notified of")
    dan.put("/rooms/dan-hall/notifications", {"level": "none"})
    dan.put("/rooms/dan-hall/notifications", {"level": "loud"})
    dee.put("/rooms/dan-den/notifications", {"level": "all"})

    scenario.heading("A room is archived and reopened")
    dee.delete("/rooms/dan-hall")
    dan.delete("/rooms/dan-hall")
    dan.delete("/rooms/dan-hall")
    dan.get("/rooms/dan-hall")
    dan.post("/rooms/dan-hall/messages", {"text": "anyone?"})
    dan.get("/rooms?q=dan-")
    dan.get("/rooms?q=dan-&member=true")
    dan.patch("/rooms/dan-hall", {"archived": False})
    dan.delete("/rooms/dan-den")
    dan.patch("/rooms/dan-den", {"archived": True})
    dan.delete("/rooms/no-such-room")

    scenario.heading("A direct room")
    direct = dan.put(f"/rooms/direct/{dee}").json["name"]
    dee.put(f"/rooms/direct/{dan}")
    dan.put(f"/rooms/direct/{dan}")
    dan.put("/rooms/direct/no-such-user")
    dan.get(f"/rooms/{direct}")
    dan.delete(f"/rooms/{direct}")
    dan.delete(f"/rooms/{direct}/members/dan")
    dan.get(f"/rooms/{direct}/events")

    scenario.heading("Read markers and unread counts")
    dee.post(f"/rooms/{direct}/messages", {"text": "one"})
    dee.post(f"/rooms/{direct}/messages", {"text": "two, @dan"})
    dan.get(f"/rooms/{direct}")
    head = dan.get(f"/rooms/{direct}", record=False).json["head"]
    dan.put(f"/rooms/{direct}/read", {"seq": head - 1})
    dan.put(f"/rooms/{direct}/read", {"seq": 1})
    dan.put(f"/rooms/{direct}/read", {"seq": 1000})
    dan.put(f"/rooms/{direct}/read", {"seq": -1})
    dan.put("/rooms/general/read", {"seq": 1})
    dan.put("/rooms/no-such-room/read", {"seq": 1})


def test_http_members(scenario: Scenario) -> None:
    eve, eli, ema = (scenario.user(name) for name in ("eve", "eli", "ema"))
    eve.post("/rooms", {"name": "eve-hall", "kind": "public"}, record=False)
    eve.post("/rooms", {"name": "eve-den", "kind": "private"}, record=False)
    hall, den = "/rooms/eve-hall/members", "/rooms/eve-den/members"

    scenario.heading("Users join and are added")
    eli.put(f"{hall}/eli")
    eli.put(f"{hall}/eli")
    eli.put(f"{den}/eli")
    eve.put(f"{den}/eli")
    eve.put(f"{den}/ema", {"role": "moderator"})
    eli.put(f"{hall}/ema")
    eve.put(f"{hall}/no-such-user")
    eve.put(f"{hall}/ema", {"role": "king"})

    scenario.heading("Members are listed")
    eve.get(den)
    page = eve.get(f"{den}?limit=2").json
    eve.get(f"{den}?limit=2&after={page['next']}")
    ema.get(hall)
    eve.get(f"{den}/eli")
    eve.get(f"{den}/no-such-user")
    eve.get(f"{hall}/ema")
    eve.get("/rooms/no-such-room/members")
    eve.get("/rooms/no-such-room/members/eve")

    scenario.heading("Roles are given and taken")
    eve.put(f"{den}/eli", {"role": "moderator"})
    ema.put(f"{den}/eli", {"role": "member"})
    eve.put(f"{den}/eve", {"role": "member"})
    eve.put(f"{den}/eli", {"role": "owner"})
    eve.put(f"{den}/eve", {"role": "member"})
    eli.put(f"{den}/eve", {"role": "owner"})


def test_http_members_kept_out(scenario: Scenario) -> None:
    jan, jim, joy = (scenario.user(name) for name in ("jan", "jim", "joy"))
    jan.post("/rooms", {"name": "jan-hall", "kind": "public"}, record=False)
    jan.post("/rooms", {"name": "jan-den", "kind": "private"}, record=False)
    hall, den = "/rooms/jan-hall/members", "/rooms/jan-den/members"
    jim.put(f"{hall}/jim", record=False)
    jan.put(f"{den}/jim", {"role": "owner"}, record=False)
    jan.put(f"{den}/joy", {"role": "moderator"}, record=False)

    scenario.heading("Members are muted")
    jan.put(f"{den}/joy/mute")
    joy.post("/rooms/jan-den/messages", {"text": "hm"})
    jan.put(f"{den}/joy/mute", {"until": "2999-01-01T00:00:00+01:00"})
    jan.put(f"{den}/joy/mute", {"until": "2001-01-01T00:00:00Z"})
    jan.put(f"{den}/joy/mute", {"until": "2999-01-01"})
    jan.put(f"{den}/jan/mute")
    joy.put(f"{den}/jim/mute")
    jan.put(f"{den}/no-such-user/mute")
    jan.put("/rooms/no-such-room/members/joy/mute")
    jan.delete(f"{den}/joy/mute")
    jan.delete(f"{den}/joy/mute")
    jim.delete(f"{hall}/jan/mute")

    scenario.heading("Users leave and are removed")
    jim.delete(f"{hall}/jim")
    jim.delete(f"{hall}/jim")
    jan.delete(f"{hall}/jan")
    joy.delete(f"{den}/jan")
    jan.delete(f"{den}/joy")
    joy.delete(f"{den}/joy")
    jan.delete(f"{den}/no-such-user")
    jan.delete("/rooms/no-such-room/members/joy")

    scenario.heading("Users are banned")
    jan.put(f"{hall}/jim/ban", {"until": "2999-01-01T00:00:00Z"})
    jim.put(f"{hall}/jim")
    jim.get("/rooms/jan-hall")
    jim.get("/rooms/jan-hall/messages")
    jan.put(f"{hall}/jim")
    jan.put(f"{hall}/joy/ban")
    jan.put(f"{hall}/jan/ban")
    joy.put(f"{hall}/jan/ban")
    jan.put(f"{hall}/no-such-user/ban")
    jan.put(f"{hall}/jim/ban", {"until": "tomorrow"})
    jan.put(f"{den}/joy/ban")
    joy.get("/rooms/jan-den")
    joy.delete(f"{hall}/joy/ban")
    jan.delete(f"{hall}/joy/ban")
    jan.delete(f"{hall}/joy/ban")
    joy.put(f"{hall}/joy")
    jan.get("/rooms/jan-hall/jannts")


def test_http_invites(scenario: Scenario) -> None:
    fay, flo, fox = (scenario.user(name) for name in ("fay", "flo", "fox"))
    fay.post("/rooms", {"name": "fay-den", "kind": "private"}, record=False)
    invites = "/rooms/fay-den/invites"

    scenario.heading("Invites are made and listed")
    once = fay.post(invites, {"max_uses": 1, "expires_in": 3600}).json
    ever = fay.post(invites).json
    fay.post(invites, {"max_uses": 0, "expires_in": 0})
    flo.post(invites)
    fay.get(invites)
    page = fay.get(f"{invites}?limit=1").json
    fay.get(f"{invites}?limit=1&after={page['next']}")
    flo.get(invites)

    scenario.heading("Invites are used")
    flo.post(f"/invites/{once['code']}")
    flo.post(f"/invites/{ever['code']}")
    fox.post(f"/invites/{once['code']}")
    fox.post("/invites/nonsense")
    fay.get(invites)
    flo.get(invites)
    flo.post(invites)

    scenario.heading("Invites are revoked")
    flo.delete(f"{invites}/{ever['id']}")
    fay.delete(f"{invites}/{ever['id']}")
    fay.delete(f"{invites}/{ever['id']}")
    fay.delete(f"{invites}/x")
    fox.delete(f"{invites}/{ever['id']}")
    fox.post(f"/invites/{ever['code']}")
