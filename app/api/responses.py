"""What each endpoint may answer when it fails, for the API's own documentation."""

from typing import Any, Final

from app.domain.errors import ParleyError, TokenExpired, Unauthorized, Unavailable
from app.wire.errors import problem

MEDIA_TYPE: Final = "application/problem+json"

AUTHENTICATED: Final = (Unauthorized, TokenExpired, Unavailable)
"""What everything that needs a token may answer."""

_TEXT: Final = {"type": "string"}

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "What went wrong: RFC 9457, and a `code` that never changes its meaning.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": _TEXT,
        "errors": {
            "description": "With `invalid`: each field that is wrong. Never what it held.",
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
        "error": {"description": "Of `POST /token`: RFC 6749, section 5.2.", "type": "string"},
        "retry_after": {"description": "Seconds.", "type": "number"},
    },
}
"""To be put into ``components.schemas.Problem``; every endpoint refers to it."""


def errors(*kinds: type[ParleyError]) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of an endpoint that may raise these, an example of each included."""
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
