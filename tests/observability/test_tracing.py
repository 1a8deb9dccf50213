"""Where spans are exported to, and that a collector that is away keeps nothing waiting."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from threading import get_ident
from time import monotonic

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from app.domain.server_limits import TRACES_FLUSH_SECONDS
from app.observability.tracing import ReportingExporter, open_tracer
from tests.harness.patience import patience


class Failing(SpanExporter):
    """A collector that refuses, or an endpoint that can't be asked."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def export(self, spans: object) -> SpanExportResult:
        if self._error is not None:
            raise self._error
        return SpanExportResult.FAILURE


@asynccontextmanager
async def collector(answer: bytes) -> AsyncIterator[tuple[str, asyncio.Queue[bytes]]]:
    """The address of a collector that gives this answer, or none, and what it has received."""
    received: asyncio.Queue[bytes] = asyncio.Queue()
    writers: list[asyncio.StreamWriter] = []

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        received.put_nowait(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", received
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def test_spans_are_exported_where_the_standard_variables_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with collector(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (url, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        async with open_tracer("1.0") as tracer:
            tracer.start_span("one").end()

        async with patience("the collector"):
            assert (await received.get()).startswith(b"POST /v1/traces HTTP/1.1\r\n")


async def test_the_end_waits_a_bounded_time_for_a_collector_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The exporter itself tries for ten seconds."""
    async with collector(b"") as (url, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        async with open_tracer("1.0") as tracer:
            tracer.start_span("one").end()
            began = monotonic()

        assert received.qsize() == 1
        assert monotonic() - began < TRACES_FLUSH_SECONDS + 5


@pytest.mark.parametrize("error", [None, ValueError("a token")], ids=["refused", "raised"])
def test_a_failure_is_one_line_without_details(
    error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ReportingExporter(Failing(error))))

    with caplog.at_level(logging.WARNING, "parley.traces"):
        provider.get_tracer("test").start_span("one").end()

    # Of this thread: one that still tries for the test before may fail meanwhile.
    (line,) = [one for one in caplog.records if one.thread == get_ident()]
    assert line.getMessage() == "traces.failed"
    assert "a token" not in caplog.text


def test_nothing_of_it_is_imported_without_traces() -> None:
    script = (
        "import sys, app.main;"
        "app.main.create_app(app.main.Settings(database_url='sqlite://'));"
        "parts = ('telemetry.sdk', 'telemetry.exporter', '.traced_', '.tracing', '_traces');"
        "found = [name for name in sys.modules if any(part in name for part in parts)];"
        "sys.exit(str(found) if found else 0)"
    )

    subprocess.run([sys.executable, "-c", script], check=True)
