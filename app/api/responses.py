"""Documents the error responses of each endpoint in the OpenAPI document."""

from typing import Any, Final

from ..domain.errors import ParleyError, TokenExpired, Unauthorized, Unavailable
from ..wire.errors import problem

MEDIA_TYPE: Final = "application/problem+json"

AUTHENTICATED: Final = (Unauthorized, TokenExpired, Unavailable)
"""The errors of every endpoint that needs an access token."""

_TEXT: Final = {"type": "string"}

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "A problem document (RFC 9457) with a stable `code`.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": _TEXT,
        "errors": {
            "description": "With `invalid`: each field that is wrong, never its value.",
            "type": "array",
            "items": {
                "title": "FieldProblem",
                "type": "object",
                "required": ["loc", "type", "msg"],
                "properties": {
                    "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "type": _TEXT,
                    "msg": _TEXT,
                },
            },
        },
        "error": {"description": "From `POST /token`: RFC 6749, section 5.2.", "type": "string"},
        "retry_after": {"description": "Seconds.", "type": "number"},
    },
}
"""The schema ``components.schemas.Problem``, which every endpoint refers to."""


def errors(*kinds: type[ParleyError]) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of an endpoint that can raise ``kinds``, with an example of each."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        response = found.setdefault(kind.status, {"description": "", "content": {}})
        said = f"`{kind.code}`: {kind.title}."
        response["description"] = " ".join(filter(None, [response["description"], said]))
        content = response["content"].setdefault(
            MEDIA_TYPE,
            {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}},
        )
        content["examples"][kind.__name__] = {"summary": kind.title, "value": problem(kind())}
    return found
