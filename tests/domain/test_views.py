"""Who may read a room."""

from typing import Any

import pytest

from app.domain.ids import Millis
from app.domain.roles import Kind, Role
from app.domain.views import RoomAccess

AT = Millis(1_795_248_000_000)


def access(**fields: Any) -> RoomAccess:
    return RoomAccess(
        **{
            "kind": Kind.PUBLIC,
            "head": 9,
            "first": 1,
            "role": None,
            "banned_until": None,
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("fields", "may"),
    [
        pytest.param({}, True, id="a public room"),
        pytest.param({"kind": Kind.PRIVATE}, False, id="a private one"),
        pytest.param({"kind": Kind.DIRECT}, False, id="a direct one"),
        pytest.param({"kind": Kind.PRIVATE, "role": Role.MEMBER}, True, id="a member"),
        pytest.param({"banned_until": AT + 1}, False, id="banned"),
        pytest.param({"banned_until": AT}, True, id="no longer banned"),
    ],
)
def test_public_rooms_are_read_by_all_but_the_banned_and_others_by_members(
    fields: dict[str, Any], may: bool
) -> None:
    assert access(**fields).may_read(AT) is may
