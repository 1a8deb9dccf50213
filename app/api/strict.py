"""
Routes that reject unknown and repeated query parameters, and repeated headers.

FastAPI ignores a query parameter that the endpoint does not declare and takes the last of a
repeated one, so ``?limt=10`` or ``?after=1&after=2`` would silently mean something else.
"""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from ..domain.errors import BadRequest

# Headers of which one value is read: a second one could be what another reader takes.
_SINGLE = frozenset((b"authorization", b"content-type", b"idempotency-key", b"last-event-id"))

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """
    A route of ``APIRouter(route_class=StrictRoute)``.

    Unknown and repeated query parameters are ``invalid``, and the response is not cached unless
    the endpoint sets ``Cache-Control``.
    """

    def get_route_handler(self) -> Handler:
        """Wrap the endpoint with the check."""
        handle = super().get_route_handler()
        known = frozenset(_query_names(self.dependant))

        async def strict(request: Request) -> Response:
            _refuse_repeated_headers(request)
            if request.url.query:
                _refuse_unknown_and_repeated(request, known)
            response = await handle(request)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return strict


def _refuse_repeated_headers(request: Request) -> None:
    counted = Counter(name for name, _ in request.scope["headers"] if name in _SINGLE)
    for name, count in counted.items():
        if count > 1:
            raise BadRequest(f"The header {name.decode()} is given more than once.")


def _query_names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        yield field.alias
    for dependency in dependant.dependencies:
        yield from _query_names(dependency)


def _refuse_unknown_and_repeated(request: Request, known: frozenset[str]) -> None:
    counted = Counter(name for name, _ in request.query_params.multi_items())
    wrong = [
        {"type": "extra_forbidden", "loc": ("query", name), "msg": "there is no such parameter"}
        for name in counted.keys() - known
    ]
    wrong += [
        {"type": "repeated", "loc": ("query", name), "msg": "is given more than once"}
        for name in counted.keys() & known
        if counted[name] > 1
    ]
    if wrong:
        raise RequestValidationError(wrong)
