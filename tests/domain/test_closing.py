"""Close codes that say why."""

from app.domain.closing import lost_room


def test_losing_the_room_of_the_path_is_forbidden_and_says_why() -> None:
    assert lost_room("banned") == (4003, "forbidden: banned")
