"""Spans of appends and of the batches that commit them."""

from opentelemetry.trace import StatusCode

from app.store.database import Database
from tests.harness.databases import GatedDatabase
from tests.harness.patience import until
from tests.observability.tracing_env import is_child, tracing_server


async def test_the_commit_of_a_lone_append_is_its_child(database: Database) -> None:
    async with tracing_server(database) as env:
        await env.server.room("den", owner="ana")
        ana = await env.server.joins("ana", "den")
        env.exporter.clear()

        said = await ana.ask("send", text="hi")

        append, commit = await env.span("append"), await env.span("commit")
        assert is_child(commit, append)
        assert append.attributes is not None
        assert append.attributes["parley.append"] == "Send"
        assert append.attributes["parley.seq"] == said["seq"]
        assert commit.attributes == {"parley.appends": 1}


async def test_a_batch_is_linked_with_each_of_its_appends(gated: GatedDatabase) -> None:
    async with tracing_server(gated) as env:
        await env.server.room("den", owner="ana", members=["bo"])
        ana, bo = await env.server.joins("ana", "den"), await env.server.joins("bo", "den")
        env.exporter.clear()
        with gated.holding_writes() as gate:
            ids = [await ana.sends("send", text="first")]
            await until(lambda: gate.waiting, "the first batch")
            ids += [await ana.sends("send", text="second"), await bo.sends("send", text="third")]
            await until(lambda: env.server.runtime.log.committer.queued == 2, "two more appends")
        for client, id in zip((ana, ana, bo), ids, strict=True):
            await client.answer(id)

        batch = max(env.spans("commit"), key=lambda span: span.attributes["parley.appends"])
        linked = {link.context.span_id for link in batch.links}
        appends = [s for s in env.spans("append") if s.context.span_id in linked]
        assert batch.parent is None
        assert len(appends) == batch.attributes["parley.appends"] == 2
        for append in appends:
            assert [link.context.span_id for link in append.links] == [batch.context.span_id]


async def test_an_append_that_is_refused_says_why(database: Database) -> None:
    async with tracing_server(database) as env:
        await env.server.room("den", owner="ana")
        ana = await env.server.joins("ana", "den")
        env.exporter.clear()

        answer = await ana.ask("edit", ref=99, text="there is no such message")

        append = await env.span("append")
        assert append.status.status_code is StatusCode.ERROR
        assert append.attributes is not None
        assert append.attributes["error.type"] == answer["code"]
