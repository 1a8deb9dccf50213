"""A server that traces into memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.store.database import Database
from tests.harness.patience import until
from tests.harness.server import Server, open_server


@dataclass
class TracingEnv:
    """A server, and the spans that have ended."""

    server: Server
    exporter: InMemorySpanExporter

    def spans(self, name: str) -> Sequence[ReadableSpan]:
        """The spans of this name, in the order of their ends."""
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    async def span(self, name: str) -> ReadableSpan:
        """The only span of this name, when it has ended."""
        await until(lambda: self.spans(name), name)
        (found,) = self.spans(name)
        return found


@asynccontextmanager
async def tracing_server(database: Database) -> AsyncIterator[TracingEnv]:
    """A server that traces."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    async with open_server(database, traces=True, tracer=tracer) as server:
        yield TracingEnv(server, exporter)


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    """Whether one span is the child of another, in one trace."""
    return (
        child.parent is not None
        and parent.context is not None
        and child.parent.span_id == parent.context.span_id
        and child.parent.trace_id == parent.context.trace_id
    )
