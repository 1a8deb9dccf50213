"""
Routes that reject unknown and repeated query parameters, repeated headers, and loose integers.

FastAPI ignores a query parameter that the endpoint does not declare and takes the last of a
repeated one, so ``?limt=10`` or ``?after=1&after=2`` would silently mean something else. It reads
``144.0``, ``1_0`` and ``+5`` as integers, which bodies and the fast path don't.
"""

import re
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, get_args

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from ..domain.errors import BadRequest

# Headers of which one value is read: a second one could be what another reader takes.
_SINGLE = frozenset((b"authorization", b"content-type", b"idempotency-key", b"last-event-id"))

# A negative one is out of range, which its own error says.
_DIGITS = re.compile("-?[0-9]+")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """
    A route of ``APIRouter(route_class=StrictRoute)``.

    Unknown and repeated query parameters are ``invalid``, and so are integers that are not
    written in digits alone. The response is not cached unless the endpoint sets
    ``Cache-Control``.
    """

    def get_route_handler(self) -> Handler:
        """Wrap the endpoint with the check."""
        handle = super().get_route_handler()
        known = frozenset(field.alias for field in _parameters(self.dependant, "query_params"))
        integers = {
            where: _integers(self.dependant, f"{where}_params") for where in ("query", "path")
        }

        async def strict(request: Request) -> Response:
            _refuse_repeated_headers(request)
            if request.url.query:
                _refuse_unknown_and_repeated(request, known)
                _refuse_loose("query", request.query_params, integers["query"])
            _refuse_loose("path", request.path_params, integers["path"])
            response = await handle(request)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return strict


def _refuse_repeated_headers(request: Request) -> None:
    counted = Counter(name for name, _ in request.scope["headers"] if name in _SINGLE)
    for name, count in counted.items():
        if count > 1:
            raise BadRequest(f"The header {name.decode()} is given more than once.")


def _parameters(dependant: Dependant, kind: str) -> Iterator[Any]:
    yield from getattr(dependant, kind)
    for dependency in dependant.dependencies:
        yield from _parameters(dependency, kind)


def _integers(dependant: Dependant, kind: str) -> frozenset[str]:
    return frozenset(
        field.alias
        for field in _parameters(dependant, kind)
        if int in (field.field_info.annotation, *get_args(field.field_info.annotation))
    )


def _refuse_loose(where: str, given: Mapping[str, str], integers: frozenset[str]) -> None:
    wrong = [
        {"type": "int_parsing", "loc": (where, name), "msg": "must be an integer, in digits alone"}
        for name in integers & given.keys()
        if not _DIGITS.fullmatch(given[name])
    ]
    if wrong:
        raise RequestValidationError(wrong)


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
