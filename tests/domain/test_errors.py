"""The tree of errors: codes, statuses, close codes."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest

from app.domain import errors
from app.domain.errors import Invalid, ParleyError, Unavailable


def tree(root: type[ParleyError] = ParleyError) -> Iterator[type[ParleyError]]:
    for error in root.__subclasses__():
        yield error
        yield from tree(error)


# Other layers may have kinds of their own of these, which answer as these do.
ALL = [error for error in tree() if error.__module__ == errors.__name__]

# protocol.md, section 2.5.
CODES = {
    **{"bad_request": 400, "invalid": 422, "unauthorized": 401, "token_expired": 401},
    **{"forbidden": 403, "muted": 403, "banned": 403, "registration_closed": 403},
    **{"room_not_found": 404, "message_not_found": 404, "user_not_found": 404},
    **{
        "invite_not_found": 404,
        "not_found": 404,
        "method_not_allowed": 405,
        "upgrade_required": 426,
    },
    **{"conflict": 409, "username_taken": 409, "room_exists": 409, "id_reused": 409},
    **{"gone": 410, "too_large": 413, "rate_limited": 429, "slow_mode": 429},
    **{"internal": 500, "unavailable": 503},
}


def test_the_codes_are_those_of_the_protocol() -> None:
    assert {error.code: error.status for error in ALL} == CODES


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_an_error_has_a_sentence_and_is_in_the_drawn_tree(error: type[ParleyError]) -> None:
    instance = error()

    assert instance.detail.endswith(".")
    assert str(instance) == instance.detail
    assert HTTPStatus(error.status)
    assert error.__name__ in (errors.__doc__ or "")
    assert error("Something else.").detail == "Something else."


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_the_hundreds_of_a_close_code_match_the_status(error: type[ParleyError]) -> None:
    if error.close is None:
        return
    hundreds = {400: 40, 401: 40, 403: 40, 404: 40, 422: 40, 429: 41, 500: 41, 503: 41}
    expected = 43 if error.code == "token_expired" else hundreds[error.status]
    assert error.close // 100 == expected


def test_an_invalid_field_is_named() -> None:
    error = Invalid.field("limit", "is too large", kind="less_than")

    assert error.detail == "limit: is too large"
    assert error.errors == [{"loc": ["limit"], "type": "less_than", "msg": "is too large"}]


def test_a_temporary_error_has_a_retry_time() -> None:
    assert Unavailable().retry_after == 1.0
    assert errors.RateLimited(retry_after=2.5).retry_after == 2.5
