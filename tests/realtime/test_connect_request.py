"""The opening request of a socket."""

from typing import Any
from urllib.parse import quote

import pytest

from app.domain.errors import BadRequest, Forbidden, ParleyError, RoomNotFound, Unauthorized
from app.realtime.connect_request import is_socket_path, read_connect_request
from tests.harness.server import settings

ALLOWED = settings(allowed_origins=("https://chat.example.org",)).allowed_origins


def scope(path: str = "/ws", query: str = "", *headers: tuple[str, str], **more: Any) -> Any:
    return {
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode("latin-1"),
        "headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in headers],
        **more,
    }


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        pytest.param("token=t", [], id="query"),
        pytest.param("", [("Authorization", "Bearer t")], id="header"),
        pytest.param("", [("authorization", "bearer  t ")], id="header, spelt otherwise"),
        pytest.param("", [("Sec-WebSocket-Protocol", "parley.v1, bearer.t")], id="subprotocol"),
        pytest.param(
            "",
            [("Sec-WebSocket-Protocol", "bearer.t"), ("Sec-WebSocket-Protocol", "parley.v1")],
            id="subprotocols in two headers",
        ),
        pytest.param("token=t", [("Authorization", "Basic eDp5")], id="beside another scheme"),
    ],
)
def test_a_token_comes_in_one_of_three_ways(query: str, headers: list[tuple[str, str]]) -> None:
    handshake = read_connect_request(scope("/ws", query, *headers), ALLOWED)

    assert handshake.token == "t"
    offered = "parley.v1" in str(headers)
    assert handshake.subprotocol == ("parley.v1" if offered else None)


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        pytest.param("", [], id="none"),
        pytest.param("token=a&token=a", [], id="twice in the query"),
        pytest.param("token=a", [("Authorization", "Bearer a")], id="two ways"),
        pytest.param("", [("Authorization", "Bearer a")] * 2, id="two headers"),
        pytest.param("", [("Sec-WebSocket-Protocol", "bearer.a, bearer.b")], id="two offers"),
        pytest.param("", [("Authorization", "Basic eDp5")], id="another scheme"),
    ],
)
def test_exactly_one_token_is_needed(query: str, headers: list[tuple[str, str]]) -> None:
    with pytest.raises(Unauthorized):
        read_connect_request(scope("/ws", query, *headers), ALLOWED)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", (None, None, None)),
        ("since=0", (0, None, None)),
        ("since=7&limit=200&epoch=k3v9", (7, 200, "k3v9")),
        ("epoch=%61%26", (None, None, "a&")),
    ],
)
def test_the_query_has_the_fields_of_a_join(query: str, found: tuple[Any, ...]) -> None:
    handshake = read_connect_request(scope("/ws/den", f"token=t&{query}"), ALLOWED)

    assert (handshake.since, handshake.limit, handshake.epoch) == found


@pytest.mark.parametrize(
    "query",
    [
        "since=-1",
        "since=x",
        "since=144.0",
        "since=%2B5",
        "since=1_0",
        "limit=5.0",
        "since=",
        "since=9007199254740993",
        "since=1&since=1",
        "limit=0",
        "limit=201",
        "epoch=" + "x" * 65,
        "colour=red",
        "epoch=%ff",
        "epoch=\xff",
        "&".join(f"p{n}=1" for n in range(30)),
    ],
    ids=lambda query: quote(query[:20], safe="=&%"),
)
def test_an_invalid_parameter_is_refused_without_echoing_the_token(query: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_connect_request(scope("/ws/den", f"token=secret&{query}"), ALLOWED)
    assert "secret" not in refused.value.detail


@pytest.mark.parametrize(
    ("path", "room"),
    [("/ws", None), ("/ws/", None), ("/ws/den", "den"), ("/ws/DEN", "den"), ("/ws/a.b", "a.b")],
)
def test_the_room_is_in_the_path(path: str, room: str | None) -> None:
    assert read_connect_request(scope(path, "token=t"), ALLOWED).room == room


def test_the_room_is_found_below_a_mount_path() -> None:
    found = read_connect_request(scope("/chat/ws/den", "token=t", root_path="/chat"), ALLOWED)

    assert found.room == "den"


@pytest.mark.parametrize("path", ["/ws/..", "/ws/a b", "/ws/\N{SNOWMAN}", "/ws/" + "x" * 65])
def test_an_invalid_room_name_is_not_found(path: str) -> None:
    with pytest.raises(RoomNotFound):
        read_connect_request(scope(path, "token=t"), ALLOWED)


@pytest.mark.parametrize(
    ("path", "is_socket"),
    [("/ws", True), ("/ws/den", True), ("/wsx", False), ("/ws/den/x", False), ("/", False)],
)
def test_only_two_paths_are_sockets(path: str, is_socket: bool) -> None:
    assert is_socket_path(scope(path)) is is_socket


HOST = ("Host", "chat.local:8000")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([HOST], id="none, as without a browser"),
        pytest.param([HOST, ("Origin", "http://chat.local:8000")], id="the same host"),
        pytest.param(
            [HOST, ("Origin", "https://chat.local:8000")], id="the same host behind a TLS proxy"
        ),
        pytest.param([HOST, ("Origin", "http://CHAT.local:8000")], id="the same host in capitals"),
        pytest.param([HOST, ("Origin", "https://chat.example.org")], id="an allowed one"),
    ],
)
def test_origins_that_may_connect(headers: list[tuple[str, str]]) -> None:
    assert read_connect_request(scope("/ws", "token=t", *headers), ALLOWED).token == "t"


@pytest.mark.parametrize(
    "origins",
    [
        ["https://evil.example"],
        ["null"],
        [""],
        ["http://chat.local"],
        ["http://chat.local:80"],
        ["http://chat.local:8000.evil.example"],
        ["http://evil.example/chat.local:8000"],
        ["http://chat.local:8000@evil.example"],
        ["http://evil.example#chat.local:8000"],
        ["http://sub.chat.local:8000"],
        ["http://chat.local.:8000"],
        ["file://chat.local:8000"],
        ["chat.local:8000"],
        ["http://chat.example.org"],
        ["https://chat.example.org:444"],
        ["https://chat.example.org.evil.example"],
        ["https://chat.example.org/"],
        ["https://CHAT.example.org.evil"],
        ["http://chat.local:8000", "http://chat.local:8000"],
        ["http://[::1"],
        ["http://chat.local:8000, https://evil.example"],
    ],
    ids=str,
)
def test_foreign_origins_may_not_connect(origins: list[str]) -> None:
    headers = [HOST, *(("Origin", origin) for origin in origins)]
    with pytest.raises(ParleyError) as refused:
        read_connect_request(scope("/ws", "token=t", *headers), ALLOWED)
    assert isinstance(refused.value, Forbidden)


def test_without_a_host_header_every_origin_is_foreign() -> None:
    with pytest.raises(Forbidden):
        read_connect_request(scope("/ws", "token=t", ("Origin", "http://x")), ALLOWED)
