"""What waits to be sent to the other nodes."""

from app.broker.base import LogAdvanced, LookEverywhere, Notification, RoomSignal
from app.broker.notification_encoding import decode
from app.broker.pending import PendingNotifications
from app.domain.ids import RoomId, UserId
from app.domain.sessions import SessionsRevoked


def pending(**options: int) -> PendingNotifications:
    return PendingNotifications("a1", **{"max_bytes": 7_999, "max_messages": 8, **options})


def sent(pending: PendingNotifications) -> list[Notification]:
    messages = [decode(message) for message in pending.take()]
    return [one for message in messages if message is not None for one in message.notifications]


def test_of_each_room_only_the_latest_head_is_sent() -> None:
    one = pending()

    for room, head in ((1, 5), (2, 9), (1, 7), (1, 6)):
        one.add(LogAdvanced(RoomId(room), head))

    assert sent(one) == [LogAdvanced(RoomId(1), 7), LogAdvanced(RoomId(2), 9)]
    assert not one


def test_notifications_of_a_room_are_merged_into_one_that_covers_all() -> None:
    one = pending()

    one.add(LogAdvanced(RoomId(1), 9, 8))
    one.add(LogAdvanced(RoomId(1), 5, 4, changes_members=True))
    one.add(LogAdvanced(RoomId(1), 7))

    assert sent(one) == [LogAdvanced(RoomId(1), 9, 4, changes_members=True)]


def test_the_end_of_a_log_in_is_sent_once_and_first() -> None:
    one = pending()

    one.add(LogAdvanced(RoomId(1), 5))
    one.add(SessionsRevoked(UserId(2), None))
    one.add(SessionsRevoked(UserId(2), None))

    assert sent(one) == [SessionsRevoked(UserId(2), None), LogAdvanced(RoomId(1), 5)]


def test_of_a_signal_that_comes_again_the_last_is_the_last_that_is_sent() -> None:
    one = pending()
    on, off = (RoomSignal(RoomId(1), UserId(2), payload) for payload in ("on", "off"))

    for signal in (on, off, on):
        one.add(signal)

    assert sent(one) == [off, on]


def test_more_than_it_holds_is_replaced_by_look_everywhere() -> None:
    one = pending(max_pending=3)

    for room in range(1, 6):
        one.add(LogAdvanced(RoomId(room), 1))
    one.add(SessionsRevoked(UserId(2), None))

    assert sent(one) == [LookEverywhere()]


def test_more_than_one_send_carries_is_replaced_by_look_everywhere() -> None:
    one = pending(max_bytes=60, max_messages=2)

    for room in range(1, 6):
        one.add(LogAdvanced(RoomId(room), 1))

    assert sent(one) == [LookEverywhere()]
    assert one.take() == pending().take()


def test_a_probe_is_a_message_without_notifications() -> None:
    one = pending()
    assert not one

    one.add_probe(7)

    assert one
    assert sent(one) == []
