"""Spans of the frames that ask for an append."""

from opentelemetry.trace import StatusCode

from app.store.database import Database
from tests.observability.tracing_env import is_child, tracing_server


async def test_a_frame_begins_a_trace_that_ends_with_the_reply(database: Database) -> None:
    async with tracing_server(database) as env:
        await env.server.room("den", owner="ana")
        ana = await env.server.joins("ana", "den")
        env.exporter.clear()

        await ana.ask("send", text="hi")

        frame, append = await env.span("ws send"), await env.span("append")
        assert frame.parent is None
        assert is_child(append, frame)
        assert frame.end_time >= append.end_time  # type: ignore[operator]
        assert frame.status.status_code is StatusCode.UNSET


async def test_a_frame_that_is_refused_has_a_span_too(database: Database) -> None:
    async with tracing_server(database) as env:
        ana = await env.server.joins("ana", "general")
        env.exporter.clear()

        answer = await ana.ask("send", room="nowhere", text="hi")

        frame = await env.span("ws send")
        assert answer["code"] == "room_not_found"
        assert frame.status.status_code is StatusCode.ERROR


async def test_no_span_has_what_users_write(database: Database) -> None:
    async with tracing_server(database) as env:
        await env.server.room("secretden", owner="ana")
        ana = await env.server.joins("ana", "secretden")

        await ana.ask("send", text="a secret text")
        await ana.ask("edit", ref=99, text="a secret text")

        await env.span("ws edit")
        exported = "".join(span.to_json() for span in env.exporter.get_finished_spans())
        assert "append" in exported
        for secret in ("secret", "ana"):
            assert secret not in exported


async def test_without_traces_frames_take_the_way_without_them(database: Database) -> None:
    """The classes that trace are not even imported: nothing of them can cost anything."""
    from app.realtime.request_handler import RequestHandler
    from app.services.log.committer import Committer
    from tests.harness.server import open_server

    async with open_server(database) as server:
        assert type(server.runtime.log.committer) is Committer
        assert server.runtime.sockets.request_handler is RequestHandler
