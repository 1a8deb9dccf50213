"""Counts of HTTP requests: by method, route and status, never by the path that a client chose."""

from collections import defaultdict
from collections.abc import Mapping, MutableMapping
from typing import Any

from ..observability.metrics import Counter, Families

REQUESTS = Counter(
    "parley_http_requests_total",
    "HTTP requests that have ended, by route; status none: the client left before the answer.",
    ("method", "route", "status"),
)
SECONDS = Counter(
    "parley_http_response_seconds_total",
    "Seconds until the answers to these requests began, all together.",
    ("method", "route"),
)

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class HttpCounts:
    """The counts of one app. Used in the event loop."""

    def __init__(self) -> None:
        self._requests: defaultdict[tuple[str, ...], int] = defaultdict(int)
        self._seconds: defaultdict[tuple[str, ...], float] = defaultdict(float)

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """
        Count a request that has ended.

        Args:
            route: See :func:`route_of`.
            status: 0 if there was no answer.
            seconds: Until the answer began.

        """
        if method not in METHODS:
            method = "other"
        self._requests[method, route, str(status or "none")] += 1
        self._seconds[method, route] += seconds

    def collect(self) -> Families:
        """Read the metrics. Called in the event loop."""
        yield REQUESTS.samples(self._requests)
        yield SECONDS.samples(self._seconds)


def share_route(inner: Mapping[str, Any], outer: MutableMapping[str, Any]) -> None:
    """Let what is outside of a copied scope know which route was found."""
    for key in ("route", "endpoint"):
        if key in inner:
            outer[key] = inner[key]


def route_of(scope: Mapping[str, Any]) -> str:
    """
    The template of the route that was found.

    ``page`` for a page or a file of one, ``none`` if there is no route.
    """
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        return path
    return "page" if "endpoint" in scope else "none"
