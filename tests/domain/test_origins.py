"""Origins, in every form that a browser or an app sends."""

import pytest

from app.domain.origins import is_allowed, is_same_origin, normalized_origin


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("https://chat.example.org", "https://chat.example.org"),
        ("HTTPS://Chat.Example.ORG:443", "https://chat.example.org"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("tauri://localhost", "tauri://localhost"),
        ("app://parley.client", "app://parley.client"),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
    ],
)
def test_an_origin_has_one_form(text: str, normalized: str) -> None:
    assert normalized_origin(text) == normalized
    assert is_allowed(text, (normalized,))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "*",
        "https://",
        "chat.example.org",
        "file:///etc/passwd",
        "data://x",
        "https://ana@chat.example.org",
        "https://chat.example.org/path",
        "https://chat.example.org?x",
        "https://chat.example.org#x",
        "https://chat.example.org:99999",
        "https://chat.example.org:https",
        "https://a b.example",
        "https://*.example.org",
        "https://[::1",
        "1https://x",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        normalized_origin(text)
    assert not is_allowed(text, ("https://chat.example.org",))
    assert not is_same_origin(text, "chat.example.org")


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("https://chat.example.org", "chat.example.org", True),
        ("https://chat.example.org", "chat.example.org:443", True),
        ("https://chat.example.org", "CHAT.example.org", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://127.0.0.1:8000", "127.0.0.1", False),
        ("https://chat.example.org", "chat.example.org:80", False),
        ("https://chat.example.org.evil", "chat.example.org", False),
        ("app://chat.example.org", "chat.example.org", False),
    ],
)
def test_a_page_is_of_the_same_origin_as_its_host(origin: str, host: str, same: bool) -> None:
    assert is_same_origin(origin, host) is same
