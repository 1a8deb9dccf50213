"""The manifest, the icons and the service worker: what they name, and when they change."""

import json
import re
import struct
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.api.docs import install
from app.api.offline_shell import service_worker, shell_of
from app.api.static_files import File

WEB = Path(__file__).parents[2] / "app" / "web"


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    install(app)
    return TestClient(app)


def shell(script: str) -> dict[str, Any]:
    """What the service worker caches, as the server wrote it into the script."""
    return dict(json.JSONDecoder().raw_decode(script.removeprefix("const SHELL = "))[0])


def files(**bodies: str) -> dict[str, File]:
    named = {name.replace("_js", ".js"): body.encode() for name, body in bodies.items()}
    return {name: File(name, body) for name, body in named.items()}


def test_the_manifest_names_icons_of_the_size_that_they_have(client: TestClient) -> None:
    manifest = client.get("/manifest.webmanifest").json()

    pngs = [icon for icon in manifest["icons"] if icon["type"] == "image/png"]
    assert {icon["sizes"] for icon in pngs} == {"192x192", "512x512"}
    assert [icon for icon in pngs if icon.get("purpose") == "maskable"]
    for icon in pngs:
        body = client.get(f"/{icon['src']}").content
        # A PNG file begins with a signature of 8 bytes and the chunk IHDR.
        width, height = struct.unpack(">II", body[16:24])
        assert f"{width}x{height}" == icon["sizes"]
        assert len(body) < 10_000


def test_the_worker_caches_what_the_page_loads_and_all_of_it_is_served(client: TestClient) -> None:
    cached = shell(client.get("/service-worker.js").text)
    kept = [*cached["files"], *cached["later"]]

    page = client.get("/").text
    named = re.findall(r'(?:src|href)="(web/[^"]+)"', page)
    assert {name for name in named if not name.endswith(".png")} <= set(cached["files"])
    for name in kept:
        answer = client.get(f"/{name}")
        assert answer.status_code == 200, name
        assert "immutable" in answer.headers["Cache-Control"], name
        for imported in re.findall(r'(?:from|import)\s*\(?\s*"(\.[^"]+)"', answer.text):
            assert urljoin(name, imported) in kept, (name, imported)
    assert len(kept) == len(set(kept)) > 30


def test_nothing_of_other_pages_is_cached(client: TestClient) -> None:
    kept = client.get("/service-worker.js").text.partition(";")[0]

    assert "swagger" not in kept
    assert "asyncapi" not in kept
    assert "embed" not in kept


def test_imports_are_followed_once_and_also_when_they_are_late() -> None:
    modules = files(
        a_js='import { b } from "./b.js";',
        b_js='import("./c.js"); import "./a.js";',
        c_js="",
        d_js="",
    )

    page = b'<script src="web/a.js">'
    assert shell_of(page, modules, late=False) == ["a.js", "b.js"]
    assert shell_of(page, modules, late=True) == ["a.js", "b.js", "c.js"]


def test_a_worker_differs_from_that_of_another_version() -> None:
    page, modules = b'<script src="web/a.js">', files(a_js="1")

    one, again, other = (service_worker(b"", page, modules, version) for version in "AAB")

    assert one == again
    assert one != other


def test_the_manifest_is_relative_to_where_the_server_is_mounted() -> None:
    manifest = json.loads((WEB / "manifest.webmanifest").read_text("utf-8"))

    addresses = [manifest["start_url"], manifest["scope"], *(i["src"] for i in manifest["icons"])]
    assert not [address for address in addresses if address.startswith("/")]
