"""
``/metrics`` for Prometheus, and who may read it.

Each scrape reads what the parts of the server have counted. To a caller that may not read it, the
path does not exist.
"""

import hmac
from collections.abc import Collection, Iterator, Mapping
from ipaddress import ip_address, ip_network

from fastapi import FastAPI
from prometheus_client import ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from ..broker import metrics as broker
from ..domain.errors import NotFound
from ..observability.labelled import Dump, dump, labelled
from ..observability.metrics import Distribution, Gauge
from ..realtime import metrics as realtime
from ..runtime import Runtime
from ..services.accounts import metrics as accounts
from ..services.log import metrics as log
from ..services.messages import metrics as messages
from ..store import metrics as store
from ..version import VERSION
from ..workers import metrics as workers
from ..workers.supervisor_link import SupervisorLink
from . import problems
from .http_counts import HttpCounts

INFO = Gauge("parley_info", "Always 1; the label is the version.", ("version",))
LOOP_LAG = Distribution(
    "parley_event_loop_lag_seconds", "How late the event loop called what was due."
)


class RuntimeCollector(Collector):
    """All metrics of one process. Used in the event loop."""

    def __init__(self, runtime: Runtime, http: HttpCounts) -> None:
        self._runtime = runtime
        self._http = http
        # Registers itself: with a registry of its own, so that an app can be made twice.
        self._process = ProcessCollector(namespace="parley", registry=CollectorRegistry())

    def collect(self) -> Iterator[Metric]:
        """Read every metric now. Never awaits: all samples are of one moment."""
        runtime = self._runtime
        cluster = runtime.realtime.cluster
        yield INFO.samples({(VERSION,): 1})
        yield LOOP_LAG.samples(runtime.loop_lag.seconds)
        yield from log.collect(runtime.log)
        yield from accounts.collect(runtime.accounts)
        yield from messages.collect(runtime.messages)
        yield from realtime.collect(runtime.realtime)
        yield from broker.collect(cluster.broker_fault, cluster.broker_counts)
        yield from store.collect(runtime.database)
        yield from self._http.collect()
        yield from self._process.collect()
        # Without samples, so that a metric that is asked for exists.
        yield from workers.collect({})


class WorkersCollector(Collector):
    """All metrics of several workers: each sample with the number of its worker."""

    def __init__(self, reports: Mapping[str, workers.WorkerReport]) -> None:
        self._reports = reports

    def collect(self) -> Iterator[Metric]:
        """Turn what the workers have reported into metrics."""
        yield from workers.collect(self._reports)
        answered = {
            number: report.metrics
            for number, report in self._reports.items()
            if report.metrics is not None
        }
        yield from labelled("worker", answered)


class MetricsAccess:
    """
    Who may read the metrics.

    Args:
        is_open: Whether every caller may if neither a token nor addresses are given.
        token: A bearer token that is enough, from anywhere; None: there is none.
        addresses: Addresses and networks that need no token.

    """

    def __init__(self, *, is_open: bool, token: str | None, addresses: Collection[str]) -> None:
        self._token = None if token is None else token.encode()
        self._networks = [ip_network(each) for each in addresses]
        self._is_open = is_open and token is None and not addresses

    def allows(self, request: Request) -> bool:
        """Whether the sender of ``request`` may read them."""
        if self._is_open:
            return True
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if self._token is not None and scheme.lower() == "bearer":
            if hmac.compare_digest(given.strip().encode(), self._token):
                return True
        return request.client is not None and self._is_listed(request.client.host)

    def _is_listed(self, address: str) -> bool:
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        # A socket for both families shows IPv4 addresses so.
        ip = getattr(ip, "ipv4_mapped", None) or ip
        return any(ip in network for network in self._networks)


def install(app: FastAPI, access: MetricsAccess, http: HttpCounts) -> None:
    """
    Add the endpoint to ``app``. It is no part of the API that clients use.

    With a :class:`SupervisorLink` in ``app.state.supervisor`` it shows the metrics of all workers;
    ``app.state.own_metrics`` returns what this process adds to them.
    """

    def own_metrics() -> Dump:
        runtime: Runtime | None = getattr(app.state, "runtime", None)
        # A worker that is stopping may be asked.
        return [] if runtime is None else dump(RuntimeCollector(runtime, http).collect())

    async def show(request: Request) -> Response:
        if not access.allows(request):
            return problems.answer(NotFound())
        supervisor: SupervisorLink | None = getattr(app.state, "supervisor", None)
        collector: Collector = RuntimeCollector(app.state.runtime, http)
        if supervisor is not None:
            collector = WorkersCollector(await supervisor.reports())
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        body = encode(collector)
        return Response(body, headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    app.state.own_metrics = own_metrics
    app.add_api_route("/metrics", show, methods=["GET"], include_in_schema=False)
