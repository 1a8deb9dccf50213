"""
Random histories of two rooms.

A history is a list of batches of steps. :meth:`Step.append` turns a step into a request to a
room's log. Many requests are refused, as in production, and a refused one must leave no trace.
"""

from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from app.domain.appends import (
    Admit,
    Append,
    Ban,
    Delete,
    Edit,
    Join,
    Mute,
    Pin,
    React,
    Remove,
    Send,
    UpdateRoom,
)
from app.domain.ids import Millis, RoomId, UserId
from app.domain.mentions import mentioned
from app.domain.roles import Role

PEOPLE = {name: UserId(number) for number, name in enumerate(("ana", "mo", "bo", "cy", "root"), 1)}
"""ana makes the rooms, mo moderates, bo and cy are members; root is an administrator."""

TEXTS = ("hi", "see @bo", "@ana @cy, lunch?", "@nobody", "👍 @MO @mo", '"ref":2,"type":"x"')
EMOJI = ("👍", "🎉")
ROLES = (None, Role.MEMBER, Role.MODERATOR, Role.OWNER)
LATER_MS = (2_000, 10_000, 100_000)

_KINDS = (
    *("send",) * 10,
    *("retry",) * 3,
    *("edit",) * 6,
    *("delete",) * 3,
    *("react",) * 8,
    *("pin",) * 4,
    *("join",) * 6,
    *("admit",) * 4,
    *("leave", "remove") * 2,
    *("ban",) * 2,
    *("mute",) * 4,
    *("role",) * 2,
    *("update", "archive"),
    *("read",) * 2,
)


class Message(NamedTuple):
    """A message that a step refers to; ``by`` None: one that may not exist."""

    seq: int
    by: UserId | None
    key: str | None = None


class Step(NamedTuple):
    """Something that a user tries to do. ``by`` None: the operator."""

    kind: str
    by: UserId | None
    user: UserId
    ref: int
    """Which message, counted from the newest."""
    choice: int
    """Which text, emoji, duration or role."""
    on: bool
    den: bool
    waits_ms: int
    key: str | None

    def room(self, den: RoomId, other: RoomId) -> RoomId:
        """The room of this step."""
        return den if self.den else other

    def append(self, room: RoomId, about: Message, at: Millis) -> Append | None:
        """The request to ``room``, about one of its messages; None for ``read``."""
        common: dict[str, Any] = {"room": room, "by": self.by, "at": at}
        ref = {**common, "client_id": self.key, "ref": about.seq}
        text = TEXTS[self.choice % len(TEXTS)]
        words = {"text": text, "mentions": mentioned(text)}
        later = LATER_MS[self.choice % 3] if self.choice < 4 else None
        until = {"on": self.on, "until": None if later is None else Millis(at + later)}
        # Anyone else is refused.
        author = about.by if self.on or about.by is None else self.by
        match self.kind:
            case "send":
                data = {"n": self.ref, "mentions": ["x"]} if self.choice == 4 else None
                reply = {"reply_to": about.seq} if self.on and self.choice < 3 else {}
                return Send(**common, client_id=self.key, data=data, **words, **reply)
            case "retry":
                # The same or another text, with the client id of an earlier message.
                return Send(**{**common, "by": author}, client_id=about.key or self.key, **words)
            case "edit":
                return Edit(**{**ref, "by": author}, **words)
            case "delete":
                return Delete(**ref)
            case "react":
                return React(**ref, emoji=EMOJI[self.choice % 2], on=self.on)
            case "pin":
                return Pin(**ref, on=self.on)
            case "join":
                return Join(**common, invited=self.choice < 3)
            case "leave":
                return Remove(**common, user=self.by or self.user)
            case "remove":
                return Remove(**common, user=self.user)
            case "ban":
                return Ban(**common, user=self.user, **until)
            case "mute":
                return Mute(**common, user=self.user, **until)
            case "admit":
                return Admit(**common, user=self.user)
            case "role":
                return Admit(**common, user=self.user, role=ROLES[self.choice % 4])
            case "update":
                title = f"Den {self.choice}" if self.choice % 2 else None
                slow = 2 * (self.choice % 3)
                return UpdateRoom(**common, title=title, slow_mode_seconds=slow)
            case "archive":
                # Rarely, because most requests to an archived room are refused.
                return UpdateRoom(**common, archived=self.on and self.choice == 0)
        return None


class History(NamedTuple):
    """What happens, and when it is observed."""

    batches: list[list[Step]]
    kinds: tuple[str, str]
    """The kinds of the two rooms."""
    warm_after: int
    """The batch after which this node has listeners in the rooms."""
    fetched_after: int
    """The batch after which a client fetches everything for the first time."""
    small_tail: bool
    since: list[int]
    """Cursors to resume from, modulo the head."""


def _people(*names: str) -> list[UserId]:
    return [PEOPLE[name] for name in names]


# Who tries what: mostly users who may, so that much succeeds.
_MODERATION = frozenset({"admit", "remove", "ban", "mute", "role", "update", "archive"})
_MODERATORS = (*_people("ana", "ana", "ana", "ana", "mo", "bo", "root"), None, None)
_ANYONE = (*_people("ana", "ana", "bo", "bo", "cy", "cy", "mo", "mo", "root"), None)
_LEAVERS = _people("bo", "bo", "cy", "cy", "mo", "ana")
_MODERATED = _people("ana", "bo", "bo", "bo", "cy", "cy", "cy", "mo")


def _step(chance: Random) -> Step:
    kind = chance.choice(_KINDS)
    if kind in ("join", "leave"):
        by = chance.choice(_LEAVERS)
    else:
        by = chance.choice(_MODERATORS if kind in _MODERATION else _ANYONE)
    return Step(
        kind=kind,
        by=by,
        user=chance.choice(_MODERATED),
        ref=int(chance.expovariate(1 / 3)),
        choice=chance.randrange(6),
        on=chance.random() < (0.4 if kind == "ban" else 0.7),
        den=chance.random() < 0.75,
        waits_ms=chance.choice((0, 0, 10, 1_500)),
        key=chance.choice((None, None, None, *"abcdef")),
    )


def _history(seed: int, happens: list[bool], kinds: tuple[str, str]) -> History:
    batches: list[list[Step]] = []
    for number, it_does in enumerate(happens):
        # Each step is seeded by its number, so that it stays the same when others are left out.
        chance = Random(f"{seed}/{number}")
        apart = chance.random() < 0.25
        if it_does:
            if apart or not batches:
                batches.append([])
            batches[-1].append(_step(chance))
    chance = Random(seed)
    room_feed, fetched = sorted(chance.randint(0, len(batches)) for _ in range(2))
    since = [chance.randrange(200) for _ in range(2)]
    return History(batches, kinds, room_feed, fetched, chance.random() < 0.5, since)


histories = st.builds(
    _history,
    st.integers(0, 2**64 - 1),
    # About half of the steps happen.
    st.lists(st.booleans(), min_size=160, max_size=160),
    st.tuples(
        st.sampled_from(("public", "private")), st.sampled_from(("public", "private", "direct"))
    ),
)
"""Seeds fill a history evenly; a failing one shrinks to the steps that it takes."""
