"""Tests mirror the code: ``test_feed.py`` and ``test_feed_order.py`` test ``feed.py``."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CODE = TESTS.parent / "app"

FOLDERS = (
    "api",
    "broker",
    "commands",
    "config",
    "domain",
    "observability",
    "realtime",
    "security",
    "services",
    "store",
    "torture",
    "transport",
    "wire",
    "workers",
)

WITHOUT_MODULE = {
    "api/test_authorization": "every operation, for every role",
    "api/test_authorization_socket": "every request on a socket, for every role",
    "api/test_hidden_rooms_timing": "what the time of an answer tells about hidden rooms",
    "api/test_mounted": "the whole app inside a host application",
    "broker/test_brokers": "the contract of base.py, for each implementation",
    "realtime/test_interleavings": "feed, hub and joins together",
    "store/test_conventions": "rules that all modules of the folder keep",
    "store/test_round_trips": "what each transaction on PostgreSQL costs",
    "transport/test_autobahn": "the WebSocket class, by a test suite that others wrote",
    "transport/test_connection": "an open WebSocket, from its frames to its end",
    "transport/test_handshake_answer": "sniffer and WebSocket together",
    "transport/test_uvicorn_surface": "what the whole app uses of uvicorn",
    "workers/test_shared_limits": "the limits that several workers count together",
}
"""Test files that test more than one module, and what they test."""


def mirrored(test: Path) -> bool:
    """Whether there is a module that the file is named after, with or without an aspect."""
    folder = CODE / test.parent.relative_to(TESTS)
    words = test.stem.removeprefix("test_").split("_")
    names = ("_".join(words[: n + 1]) for n in range(len(words)))
    return any((folder / f"{name}.py").is_file() for name in names)


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_test_file_is_named_after_a_module(folder: str) -> None:
    tests = (TESTS / folder).rglob("test_*.py")
    unmatched = {
        str(test.relative_to(TESTS).with_suffix("")) for test in tests if not mirrored(test)
    }

    assert unmatched <= WITHOUT_MODULE.keys()
