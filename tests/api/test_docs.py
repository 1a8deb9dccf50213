"""The browser pages and their files: what they load, and their headers."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.api.docs import (
    API_CSP,
    CODE_CSP,
    PAGE_CSP,
    SECURITY_HEADERS,
    SWAGGER_CSP,
    WORKER_CSP,
    install,
)

PAGES = ["/", "/docs", "/asyncapi"]


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    install(app)
    with TestClient(app) as client:
        yield client


def loaded_by(html: str) -> list[str]:
    return [f"/{path}" for path in re.findall(r'(?:src|href)="((?:web|docs)/[^"]+)"', html)]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_only_what_we_serve(client: TestClient, page: str) -> None:
    html = client.get(page).text

    assert loaded_by(html)
    assert "://" not in html
    for path in loaded_by(html):
        assert client.get(path).status_code == 200, path


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_inline_script_or_style(client: TestClient, page: str) -> None:
    html = client.get(page).text

    assert re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", html) is None


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        pytest.param("/", PAGE_CSP, id="client"),
        pytest.param("/web/app.js", CODE_CSP, id="module"),
        pytest.param("/manifest.webmanifest", API_CSP, id="manifest"),
        pytest.param("/service-worker.js", WORKER_CSP, id="service worker"),
        pytest.param("/docs", SWAGGER_CSP, id="swagger"),
        pytest.param("/asyncapi", SWAGGER_CSP, id="asyncapi"),
        pytest.param("/docs/assets/swagger-ui-bundle.js", CODE_CSP, id="swagger asset"),
    ],
)
def test_every_file_has_its_policy(client: TestClient, path: str, policy: str) -> None:
    headers = client.get(path).headers

    assert headers["Content-Security-Policy"] == policy
    assert headers["Cache-Control"] == "no-cache"
    for name, value in SECURITY_HEADERS.items():
        assert headers[name] == value


@pytest.mark.parametrize("policy", [API_CSP, PAGE_CSP, SWAGGER_CSP, WORKER_CSP])
def test_no_policy_allows_foreign_scripts(policy: str) -> None:
    directives = dict(part.split(" ", 1) for part in policy.split("; "))

    assert directives["default-src"] == "'none'"
    assert directives.get("script-src", "'none'") in {"'self'", "'none'"}
    assert directives["frame-ancestors"] == "'none'"
    assert directives["base-uri"] == "'none'"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/docs", "text/html; charset=utf-8"),
        ("/web/app.js", "text/javascript; charset=utf-8"),
        ("/web/style.css", "text/css; charset=utf-8"),
        ("/web/icon.svg", "image/svg+xml"),
        ("/web/icons/192.png", "image/png"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/service-worker.js", "text/javascript; charset=utf-8"),
        ("/docs/assets/swagger-ui.css", "text/css; charset=utf-8"),
    ],
)
def test_media_types_are_those_that_browsers_require(
    client: TestClient, path: str, media_type: str
) -> None:
    assert client.get(path).headers["Content-Type"] == media_type


@pytest.mark.parametrize("path", ["/", "/docs", "/web/app.js"])
def test_an_unchanged_file_is_304(client: TestClient, path: str) -> None:
    first = client.get(path)

    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]


def test_what_a_page_loads_is_cached_for_good_and_changes_its_address(client: TestClient) -> None:
    for path in loaded_by(client.get("/").text):
        answer = client.get(path)

        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        # The same file without a version, for those who know no version.
        plain = client.get(re.sub(r"^/web/[0-9a-f]{16}/", "/web/", path))
        assert plain.content == answer.content
        assert plain.headers["Cache-Control"] == "no-cache"
    assert client.get("/web/0123456789abcdef/app.js").status_code == 404


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("br, gzip;q=0.5", "gzip"),
        ("GZIP", "gzip"),
        ("gzip;q=0", None),
        ("br", None),
        ("identity", None),
    ],
)
def test_files_are_compressed_for_those_who_ask(
    client: TestClient, accepted: str, encoding: str | None
) -> None:
    answer = client.get("/web/app.js", headers={"Accept-Encoding": accepted})

    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "import" in answer.text


def test_the_emoji_are_those_of_the_package(client: TestClient) -> None:
    groups = client.get("/web/emoji.json").json()

    names = {character: name for group in groups for character, name in group["emoji"]}
    assert names["🍕"] == "pizza"
    assert "thumbsup" in names["👍"]
    assert len(names) > 1_500
    assert all(group["emoji"] for group in groups)


@pytest.mark.parametrize(
    "path",
    [
        "/web/",
        "/web/__init__.py",
        "/web/package.json",
        "/web/index.html",
        "/web/none.js",
        "/web/../settings.py",
        "/web/%2e%2e/settings.py",
        "/web/..%2fsettings.py",
        "/docs/assets/redoc.standalone.js",
        "/docs/assets/../core.py",
        "/docs/assets/",
        "/redoc",
    ],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/docs", "/web/app.js"])
def test_pages_are_read_only(client: TestClient, path: str) -> None:
    assert client.head(path).status_code == 200
    assert client.post(path).status_code == 405


def test_without_an_openapi_document_there_is_no_swagger_page() -> None:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    install(app)

    with TestClient(app) as client:
        assert client.get("/").status_code == 200
        assert client.get("/docs").status_code == 404
        assert client.get("/docs/assets/swagger-ui.css").status_code == 404


def test_the_pages_are_not_in_the_openapi_document(client: TestClient) -> None:
    assert client.get("/openapi.json").json()["paths"] == {}


def test_the_swagger_page_stores_no_token(client: TestClient) -> None:
    script = client.get("/web/swagger.js").text

    assert "persistAuthorization: false" in script
    assert "validatorUrl: null" in script
