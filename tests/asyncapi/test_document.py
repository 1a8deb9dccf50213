"""The AsyncAPI document: valid by the official schema, and true of what the server sends."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
from httpx2 import AsyncClient
from pydantic import Field, TypeAdapter

from app.domain.events import EventType
from app.wire.asyncapi import asyncapi_document, frame_type, server_object
from app.wire.requests import AnyRequest
from app.wire.sent_events import AnyEvent
from app.wire.sent_frames import AnyAnswer, AnySignal
from tests.harness.server import Server

HERE = Path(__file__).parent
SCHEMA = HERE / "node_modules" / "@asyncapi" / "specs"
SENT: TypeAdapter[Any] = TypeAdapter(
    Annotated[AnyAnswer | AnySignal | AnyEvent, Field(discriminator="type")]
)


def official(document: object) -> str:
    """What the official schema has against a document; empty if nothing."""
    if shutil.which("node") is None or not SCHEMA.exists():
        # `make` installs it with npm, where there is one; CI has one.
        assert "CI" not in os.environ
        pytest.skip("needs node and npm")
    result = subprocess.run(
        ["node", str(HERE / "validate.mjs")],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr


@pytest.mark.sqlite_only
@pytest.mark.parametrize("path", ["", "/chat"])
def test_it_is_valid_by_the_official_schema(path: str) -> None:
    servers = {"this": server_object("wss", "chat.example.org:8443", path)}

    assert official({**asyncapi_document("1.0"), "servers": servers}) == ""


@pytest.mark.sqlite_only
def test_the_official_schema_is_asked() -> None:
    document = asyncapi_document("1.0")
    document["operations"]["send"]["action"] = "shout"

    assert "/operations/send" in official(document)


def _references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if "$ref" in part else set()
        return own.union(*map(_references, part.values()))
    return set().union(*map(_references, part)) if isinstance(part, list) else set()


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi_document("1.0")

    found = _references(document)
    assert len(found) > 60
    for reference in found:
        part = document
        for key in reference.removeprefix("#/").split("/"):
            part = part[key]


def test_it_has_every_frame() -> None:
    document = asyncapi_document("1.0")
    requests = {frame_type(model) for model in get_args(AnyRequest)}

    assert {e.value for e in EventType} == {frame_type(model) for model in get_args(AnyEvent)}
    received = {
        name for name, each in document["operations"].items() if each["action"] == "receive"
    }
    assert received == requests
    for channel in document["channels"].values():
        assert set(channel["messages"]) == set(document["components"]["messages"])


async def test_what_the_server_sends_is_what_it_says(server: Server) -> None:
    await server.room("den", owner="ana", members=["bob"])
    ana = await server.joins("ana", "den")
    bob = await server.joins("bob", "den", since=0)
    sent = await ana.ask("send", text="hi @bob", data={"a": 1})
    await ana.ask("send", text="a reply", reply_to=sent["seq"])
    await ana.ask("edit", ref=sent["seq"], text="ho")
    await bob.ask("react", ref=sent["seq"], emoji="👍", on=True)
    await bob.ask("react", ref=sent["seq"], emoji="👍", on=False)
    await bob.ask("pin", ref=sent["seq"], on=True)
    await bob.ask("pin", ref=sent["seq"], on=False)
    await bob.ask("read", seq=sent["seq"])
    await bob.ask("delete", ref=sent["seq"])
    await bob.ask("ping")
    await bob.sends("typing", on=True)
    await ana.ask("send", text="")
    whole = await server.joins("ana", "den")
    await bob.ask("leave")

    heard = [*ana.heard, *bob.heard, *whole.heard]
    assert {"welcome", "joined", "ack", "error", "message.created", "pong"} <= {
        frame["type"] for frame in heard
    }
    for frame in heard:
        # Strict: a field that the models don't have is an error.
        SENT.validate_json(json.dumps(frame))


def test_its_sentences_are_markdown() -> None:
    messages = asyncapi_document("1.0")["components"]["messages"].values()
    summaries = [message["summary"] for message in messages]

    assert any("`" in summary for summary in summaries)
    assert not any("``" in summary or summary.count("`") % 2 for summary in summaries)


async def test_it_is_served_with_its_page(client: AsyncClient) -> None:
    document, page = await client.get("/asyncapi.json"), await client.get("/asyncapi")

    assert document.headers["Content-Type"] == "application/json"
    assert document.json()["asyncapi"] == "3.0.0"
    assert document.json()["servers"]["this"]["host"] == client.base_url.netloc.decode()
    assert (
        page.headers["Content-Security-Policy"]
        == (await client.get("/docs")).headers["Content-Security-Policy"]
    )
