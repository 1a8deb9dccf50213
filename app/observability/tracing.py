"""
Traces by OpenTelemetry: where spans are exported to. Needs the extra "otel".

Imported only with ``TRACES=on``. The exporter is configured by the standard variables
(``OTEL_EXPORTER_OTLP_ENDPOINT`` and others), which the SDK reads from the environment. The
provider is this server's own: a host application's is not touched.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer

from ..domain.server_limits import TRACES_FLUSH_SECONDS
from .logs import event

log = logging.getLogger("parley.traces")


@asynccontextmanager
async def open_tracer(version: str) -> AsyncIterator[Tracer]:
    """
    Export what the tracer traces, until the block ends, and then what is left.

    Spans wait in a bounded queue for a thread of the SDK; if it is full, they are dropped. Nothing
    else waits for the exporter, except the end of the block: for at most
    :data:`~app.domain.server_limits.TRACES_FLUSH_SECONDS`.
    """
    named = Resource({"service.name": "parley", "service.version": version})
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence.
    provider = TracerProvider(
        resource=named.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(ReportingExporter(OTLPSpanExporter())))
    try:
        yield provider.get_tracer("parley", version)
    finally:
        # A thread that nothing waits for at exit: the exporter may try again for many seconds.
        ending = threading.Thread(target=provider.shutdown, name="traces", daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, TRACES_FLUSH_SECONDS)


class ReportingExporter(SpanExporter):
    """Another exporter, whose failures are lines in our log: the SDK's own are too many."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export in the SDK's thread. Never raises."""
        error = "the collector does not take them"
        try:
            if self._exporter.export(spans) is SpanExportResult.SUCCESS:
                return SpanExportResult.SUCCESS
        except (
            Exception
        ) as exc:  # whatever is wrong with the endpoint: spans are lost, nothing else
            error = type(exc).__name__
        event(log, logging.WARNING, "traces.failed", error=error, spans=len(spans))
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """End the other one."""
        self._exporter.shutdown()
