"""Spans of HTTP requests."""

import pytest
from opentelemetry.trace import StatusCode

from app.store.database import Database
from tests.observability.tracing_env import is_child, tracing_server

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("path", ["/rooms/general/messages", "/rooms/general/read"])
async def test_a_request_is_traced_with_its_route_alone(database: Database, path: str) -> None:
    """One that bypasses FastAPI, and one that doesn't."""
    async with tracing_server(database) as env:
        ana = await env.server.person("ana")
        await ana.http.post("/rooms/general/messages", json={"text": "one"})
        env.exporter.clear()

        if path.endswith("messages"):
            name = "POST /rooms/{room}/messages"
            answer = await ana.http.post(path, json={"text": "hi"})
        else:
            name = "PUT /rooms/{room}/read"
            answer = await ana.http.put(path, json={"seq": 1})

        span = await env.span(name)
        assert dict(span.attributes or {}) == {
            "http.request.method": name.partition(" ")[0],
            "http.route": name.partition(" ")[2],
            "http.response.status_code": answer.status_code,
        }
        if path.endswith("messages"):
            assert is_child(await env.span("append"), span)


async def test_a_request_goes_on_with_the_trace_of_its_client(database: Database) -> None:
    async with tracing_server(database) as env:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}

        await env.server.client.get("/health", headers=headers)

        span = await env.span("GET /health")
        assert span.parent is not None
        assert f"{span.parent.trace_id:032x}" == TRACE
        assert f"{span.parent.span_id:016x}" == PARENT


async def test_an_unknown_path_and_an_unknown_method_name_no_span(database: Database) -> None:
    async with tracing_server(database) as env:
        await env.server.client.get("/a/path/of/a/client")
        await env.server.client.request("BREW", "/health")

        assert (await env.span("GET none")).status.status_code is StatusCode.UNSET
        assert [span.name for span in env.exporter.get_finished_spans()][1].startswith("_OTHER ")
