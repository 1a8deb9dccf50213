"""The error responses in the OpenAPI document."""

from fastapi.openapi.utils import get_openapi

from app.api import auth, users
from app.api.responses import AUTHENTICATED, MEDIA_TYPE, PROBLEM_SCHEMA, errors
from app.domain.errors import Banned, Forbidden, Invalid, InvalidGrant, Unauthorized
from app.wire.errors import problem


def test_errors_of_one_status_are_grouped() -> None:
    found = errors(Forbidden, Banned, Invalid)

    assert found.keys() == {403, 422}
    assert "`forbidden`" in found[403]["description"]
    assert "`banned`" in found[403]["description"]
    assert found[403]["content"][MEDIA_TYPE]["examples"].keys() == {"Forbidden", "Banned"}


def test_two_errors_of_one_code_are_both_shown() -> None:
    examples = errors(Unauthorized, InvalidGrant)[401]["content"][MEDIA_TYPE]["examples"]

    assert examples["InvalidGrant"]["value"]["error"] == "invalid_grant"
    assert "error" not in examples["Unauthorized"]["value"]


def test_the_schema_has_every_field_of_a_problem() -> None:
    kinds = [*AUTHENTICATED, InvalidGrant, Invalid]

    for kind in kinds:
        assert problem(kind()).keys() <= PROBLEM_SCHEMA["properties"].keys()
    assert set(PROBLEM_SCHEMA["required"]) <= problem(Invalid()).keys()


def test_every_route_is_documented() -> None:
    schema = get_openapi(
        title="x", version="1", routes=[*auth.router.routes, *users.router.routes]
    )
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]

    assert len(ids) == len(set(ids)) == 11
    for operation in operations:
        assert operation["tags"]
        assert operation["summary"]
        assert operation["description"]
        failures = {status for status in operation["responses"] if status >= "400"}
        assert failures
        assert all(MEDIA_TYPE in operation["responses"][status]["content"] for status in failures)
        if "security" in operation:
            assert {"401", "503"} <= failures
