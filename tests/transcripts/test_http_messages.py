"""Messages over HTTP: sending, editing, reactions, pins, pages, search."""

from urllib.parse import quote

from tests.transcripts.scenario import Scenario

KEY = "Idempotency-Key"


def test_http_messages(scenario: Scenario) -> None:
    gus, gil, guy = (scenario.user(name) for name in ("gus", "gil", "guy"))
    gus.post("/rooms", {"name": "gus-hall", "kind": "public"}, record=False)
    gil.put("/rooms/gus-hall/members/gil", record=False)
    messages = "/rooms/gus-hall/messages"

    scenario.heading("Sent")
    gus.post(messages, {"text": "Hello @gil and @no-such-user, 👋"}, headers={KEY: "k-1"})
    gus.post(messages, {"text": "Hello @gil and @no-such-user, 👋"}, headers={KEY: "k-1"})
    gus.post(messages, {"text": "Something else"}, headers={KEY: "k-1"})
    gil.post(messages, {"text": "Hi", "reply_to": 3, "data": {"card": {"n": [1, 2.5, None]}}})
    gus.post(messages, {"text": "Hi", "reply_to": 1})
    gus.post(messages, {"text": "Hi", "reply_to": 99})
    gus.post(messages, {"text": " \n "})
    gus.post(messages, {"text": ""})
    gus.post(messages, {"text": "x" * 4001})
    gus.post(messages, {"text": "a\0b"})
    gus.post(messages, {"text": "x", "data": {"blob": "x" * 4096}})
    gus.post(messages, {"text": "x", "data": [1]})
    gus.post(messages, {"txet": "x"})
    gus.post(messages, {"text": "x"}, headers={KEY: "k" * 65})
    gus.post(messages, raw=b'{"text":"\\ud800"}')
    gus.post(messages, raw=b"[]")
    gus.post(messages, raw=b"x" * (256 * 1024 + 1))
    guy.post(messages, {"text": "May I?"})
    guy.post("/rooms/no-such-room/messages", {"text": "Hi"})

    scenario.heading("Shown")
    gus.get(f"{messages}/3")
    guy.get(f"{messages}/4")
    gus.get(f"{messages}/1")
    gus.get(f"{messages}/99")
    gus.get(f"{messages}/x")
    gus.get(f"{messages}/0")
    gus.get("/rooms/no-such-room/messages/3")

    scenario.heading("Edited")
    gus.patch(f"{messages}/3", {"text": "Hello again"}, headers={KEY: "k-2"})
    gus.patch(f"{messages}/3", {"text": "Hello again"}, headers={KEY: "k-2"})
    gus.patch(f"{messages}/3", {"text": "Hello again"})
    gil.patch(f"{messages}/3", {"text": "Mine"})
    gus.patch(f"{messages}/1", {"text": "Mine"})
    gus.patch(f"{messages}/3", {"text": ""})
    gus.patch(f"{messages}/3", raw=b"{]")
    gus.get(f"{messages}/3/edits")
    gus.get(f"{messages}/3/edits?limit=1&after=x")
    gil.get(f"{messages}/3/edits")
    gus.get(f"{messages}/99/edits")


def test_http_messages_marked(scenario: Scenario) -> None:
    kit, kim, ken = (scenario.user(name) for name in ("kit", "kim", "ken"))
    kit.post("/rooms", {"name": "kit-hall", "kind": "public"}, record=False)
    kim.put("/rooms/kit-hall/members/kim", record=False)
    messages = "/rooms/kit-hall/messages"
    kit.post(messages, {"text": "Hello"}, record=False)
    kim.post(messages, {"text": "Hi", "reply_to": 3}, record=False)

    scenario.heading("Reacted to")
    kim.put(f"{messages}/3/reactions/%F0%9F%91%8D")
    kim.put(f"{messages}/3/reactions/%F0%9F%91%8D")
    kit.put(f"{messages}/3/reactions/%F0%9F%91%8D", headers={KEY: "k-3"})
    kit.put(f"{messages}/3/reactions/nice")
    kit.put(f"{messages}/99/reactions/%F0%9F%91%8D")
    ken.put(f"{messages}/3/reactions/%F0%9F%91%8D")
    kim.delete(f"{messages}/3/reactions/%F0%9F%91%8D")
    kim.delete(f"{messages}/3/reactions/%F0%9F%91%8D")
    kim.delete(f"{messages}/99/reactions/%F0%9F%91%8D")
    kit.get(f"{messages}/3")

    scenario.heading("Pinned")
    kim.put(f"{messages}/4/pin")
    kim.put(f"{messages}/4/pin")
    kit.put(f"{messages}/3/pin")
    ken.put(f"{messages}/3/pin")
    kit.put(f"{messages}/1/pin")
    kit.get("/rooms/kit-hall/pins")
    kit.get("/rooms/kit-hall/pins?limit=1")
    kit.get("/rooms/kit-hall/pins?before=4")
    kit.get("/rooms/kit-hall/pins?before=x")
    kit.get("/rooms/no-such-room/pins")
    kit.delete(f"{messages}/3/pin")
    kit.delete(f"{messages}/3/pin")
    kit.delete(f"{messages}/1/pin")

    scenario.heading("Deleted")
    kim.delete(f"{messages}/3")
    kit.delete(f"{messages}/4", headers={KEY: "k-4"})
    kit.delete(f"{messages}/4", headers={KEY: "k-4"})
    kit.delete(f"{messages}/4")
    kit.delete(f"{messages}/1")
    kit.get(f"{messages}/4")
    kim.patch(f"{messages}/4", {"text": "Once more"})
    kim.put(f"{messages}/4/reactions/%F0%9F%91%8D")
    kim.post(messages, {"text": "Hi", "reply_to": 4})
    kim.get(f"{messages}/4/edits")

    scenario.heading("The events")
    kit.get("/rooms/kit-hall/events?since=2")

    scenario.heading("More than twenty emoji on one message")
    for number in range(20):
        emoji = quote(chr(ord("😀") + number))
        kim.put(f"{messages}/3/reactions/{emoji}", record=False)
    kim.put(f"{messages}/3/reactions/%F0%9F%91%8E")


def test_http_pages(scenario: Scenario) -> None:
    hal, ham = scenario.user("hal"), scenario.user("ham")
    hal.post("/rooms", {"name": "hal-hall", "kind": "public"}, record=False)
    messages = "/rooms/hal-hall/messages"
    for number in range(1, 6):
        hal.post(messages, {"text": f"number {number}"}, record=False)
    hal.post(messages, {"text": "a reply", "reply_to": 3}, record=False)
    hal.post(messages, {"text": "another", "reply_to": 3}, record=False)

    scenario.heading("Pages of messages")
    hal.get(messages)
    hal.get(f"{messages}?limit=2")
    hal.get(f"{messages}?limit=2&before=5")
    hal.get(f"{messages}?limit=2&after=5")
    hal.get(f"{messages}?limit=3&around=5")
    hal.get(f"{messages}?after=9")
    ham.get(f"{messages}?limit=1")
    hal.get(f"{messages}?before=5&after=3")
    hal.get(f"{messages}?before=x")
    hal.get(f"{messages}?limit=0")
    hal.get(f"{messages}?colour=red")
    hal.get("/rooms/no-such-room/messages")
    scenario.anonymous.get(messages, headers={"Authorization": "Bearer nonsense"})

    scenario.heading("Replies")
    hal.get(f"{messages}/3/replies")
    hal.get(f"{messages}/3/replies?limit=1")
    hal.get(f"{messages}/3/replies?limit=1&after=8")
    hal.get(f"{messages}/4/replies")
    hal.get(f"{messages}/99/replies")
    hal.get(f"{messages}/3/replies?limit=x")

    scenario.heading("Events")
    hal.get("/rooms/hal-hall/events?since=6")
    hal.get("/rooms/hal-hall/events?since=2&limit=2")
    hal.get("/rooms/hal-hall/events?since=9")
    hal.get("/rooms/hal-hall/events?since=10")
    hal.get("/rooms/hal-hall/events?since=-1&limit=1001")
    hal.get("/rooms/hal-hall/events?token=x")
    hal.get("/rooms/no-such-room/events")


def test_http_search(scenario: Scenario) -> None:
    ida, ivy = scenario.user("ida"), scenario.user("ivy")
    ida.post("/rooms", {"name": "ida-hall", "kind": "public"}, record=False)
    ida.post("/rooms", {"name": "ida-den", "kind": "private"}, record=False)
    ivy.put("/rooms/ida-hall/members/ivy", record=False)
    for who, room, text in (
        (ida, "hall", "The quick brown zyzzyva jumps"),
        (ivy, "hall", "A Zyzzyva at chat.example.org"),
        (ida, "den", "A secret zyzzyva"),
        (ida, "hall", "中文 zyzzyva " + "padding " * 40 + "end"),
    ):
        who.post(f"/rooms/ida-{room}/messages", {"text": text}, record=False)
        # Each search indexes what is new: without it, the order between rooms is not certain.
        who.get("/search?q=zyzzyva", record=False)

    scenario.heading("Searches")
    ida.get("/search?q=zyzzyva&room=ida-hall")
    page = ida.get("/search?q=zyzzyva&limit=2").json
    ida.get(f"/search?q=zyzzyva&limit=2&before={page['next']}")
    ivy.get("/search?q=quick%20ZYZZYVA")
    ivy.get("/search?q=zyzzyva&by=ivy")
    ivy.get("/search?q=chat.example.org&room=ida-hall")
    ivy.get("/search?q=zyzzyv")

    scenario.heading("Refusals")
    ivy.get("/search?q=zyzzyva&room=ida-den")
    ivy.get("/search?q=zyzzyva&by=no-such-user")
    ivy.get("/search")
    ivy.get("/search?q=")
    ivy.get("/search?q=" + "x" * 201)
    ivy.get("/search?q=" + "+".join("abcdefghijklmnopq"))
    ivy.get("/search?q=x&before=nonsense")
