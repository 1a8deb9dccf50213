"""Messages between nodes: what is sent is understood, and nothing else is."""

import pytest

from app.broker.base import (
    LogAdvanced,
    LookEverywhere,
    Notification,
    PresenceChanged,
    RoomSignal,
    UserSignal,
)
from app.broker.notification_encoding import Message, decode, encode, pack
from app.domain.ids import RoomId, SessionId, UserId
from app.domain.sessions import SessionsRevoked

NOTIFICATIONS: list[Notification] = [
    LogAdvanced(RoomId(7), 120),
    LogAdvanced(RoomId(7), 120, 119, changes_members=True),
    SessionsRevoked(UserId(3), SessionId(4)),
    SessionsRevoked(UserId(3), None),
    RoomSignal(RoomId(7), UserId(3), '{"type":"typing"}'),
    UserSignal(UserId(3), '{"type":"read"}'),
    PresenceChanged("a1", 2, (RoomId(7), RoomId(8))),
    PresenceChanged("a1", 3, ()),
    LookEverywhere(),
]


def test_what_is_sent_is_understood() -> None:
    (message,) = pack("a1", map(encode, NOTIFICATIONS), 1_000)

    assert decode(message) == Message("a1", NOTIFICATIONS, 0)


def test_a_message_without_hints_is_understood() -> None:
    (message,) = pack("a1", [], 1_000)

    assert decode(message) == Message("a1", [], 0)


def test_messages_are_as_large_as_they_may_be_and_no_larger() -> None:
    hints = [encode(LogAdvanced(RoomId(room), 2**32 - 1)) for room in range(1, 1_001)]

    messages = list(pack("a1", hints, 7_999))

    assert all(len(message) <= 7_999 for message in messages)
    assert all(len(message) > 7_950 for message in messages[:-1])
    decoded = [decode(message) for message in messages]
    assert sum(len(one.notifications) for one in decoded if one is not None) == 1_000


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"v":2,"node":"a","hints":[]}',
        b'{"v":true,"node":1,"hints":[]}',
        b'{"v":1,"node":"a"}',
        b'{"v":1,"node":"a","hints":{}}',
        b"[" * 10_000,
    ],
)
def test_what_is_no_message_is_none(payload: bytes) -> None:
    assert decode(payload) is None


@pytest.mark.parametrize(
    "hint",
    [
        b"null",
        b"[]",
        b'["log",1]',
        b'["log",1,"2"]',
        b'["log",true,1]',
        b'["log",0,1]',
        b'["log",-1,1]',
        b'["log",1,4294967296]',
        b'["log",9007199254740992,1]',
        b'["log",1,2,null,false]',
        b'["log",1,2,3,false]',
        b'["log",1,2,0,false]',
        b'["log",1,2,2,0]',
        b'["sessions",0,null]',
        b'["sessions",1,0]',
        b'["signal",1,0,""]',
        b'["signal",1,1,2]',
        b'["signal",1,1,"%b"]' % (b"x" * 501),
        b'["presence","",1,[]]',
        b'["presence","a b",1,[]]',
        b'["presence","a",0,[]]',
        b'["presence","a",1,[true]]',
        b'["presence","a",1,["1"]]',
        b'["presence","a",1,[%b]]' % b",".join([b"1"] * 101),
        b'["of a later version",1]',
    ],
)
def test_a_hint_that_is_not_understood_is_skipped(hint: bytes) -> None:
    message = b'{"v":1,"node":"a","hints":[%b,["log",1,2]]}' % hint

    assert decode(message) == Message("a", [LogAdvanced(RoomId(1), 2)], 1)


def test_a_probe_comes_back_with_its_number() -> None:
    [message] = pack("a", [encode(LogAdvanced(RoomId(1), 2))], 1_000, probe=5)

    assert decode(message) == Message("a", [LogAdvanced(RoomId(1), 2)], 0, 5)


@pytest.mark.parametrize("given", [b'"5"', b"true", b"1.5", b"null", b"[]"])
def test_a_probe_that_is_no_number_is_none(given: bytes) -> None:
    message = b'{"v":1,"node":"a","probe":%b,"hints":[]}' % given

    assert decode(message) == Message("a", [], 0, None)
