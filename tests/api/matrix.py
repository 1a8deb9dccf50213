"""
The permission matrix: the users, the rules, and a rule for each operation of the API.

    tom   is the author of the message and the target of the operation
    mia, moe (muted), mo (moderator) and olga (owner) are members
    otto  never was a member, rex was removed, ben is banned
    root  is an administrator and not a member

The direct room is that of tom and mia; for all others it does not exist.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

PEOPLE = {
    "tom": "author",
    "mia": "member",
    "moe": "muted",
    "mo": "moderator",
    "olga": "owner",
    "otto": "outsider",
    "rex": "removed",
    "ben": "banned",
    "root": "admin",
}
"""The role of each user in a public or private room."""

INSIDE = frozenset({"author", "member", "muted", "moderator", "owner"})

OK = "ok"
NO = "forbidden"
HIDDEN = "room_not_found"


class Rule(NamedTuple):
    """The result for each role in a public room, from which those in other rooms follow."""

    outsider: str
    member: str
    muted: str
    author: str
    moderator: str
    owner: str
    admin: str
    direct_member: str
    direct_author: str

    def answer(self, kind: str, view: str) -> str:
        """``ok``, or the code of the error."""
        if kind == "direct":
            if view not in ("member", "author"):
                return HIDDEN
            return self.direct_member if view == "member" else self.direct_author
        if kind == "private" and view not in INSIDE:
            return HIDDEN
        if view == "banned":
            return "banned"
        if view == "removed":
            view = "outsider"
        found: str = getattr(self, view)
        return found


#                 outsider member  muted author moder. owner admin  direct: other, author
READERS = Rule(OK, OK, OK, OK, OK, OK, OK, OK, OK)
SPEAKERS = Rule(NO, OK, "muted", OK, OK, OK, NO, OK, OK)
MEMBERS = Rule(NO, OK, OK, OK, OK, OK, NO, OK, OK)
MODERATORS = Rule(NO, NO, NO, NO, OK, OK, OK, NO, NO)
OWNERS = Rule(NO, NO, NO, NO, NO, OK, OK, NO, NO)
AUTHOR = Rule(NO, NO, "muted", OK, NO, NO, NO, NO, OK)
AUTHOR_AND_MODERATORS = Rule(NO, NO, NO, OK, OK, OK, OK, NO, OK)
SELF_AND_MODERATORS = Rule(NO, NO, NO, OK, OK, OK, OK, NO, NO)
JOINERS = READERS
NO_DIRECT_JOINERS = JOINERS._replace(direct_member=NO, direct_author=NO)

ANYONE = "anyone"
"""No access token needed."""
LOGGED_IN = "logged in"
INVITED = "invited"
"""Users who have the code, unless they are banned."""
ADMINS = "admins"
OPERATOR = "operator"
"""The command line of the installation, and no user."""


@dataclass(frozen=True)
class Case:
    """A request that would succeed, and who may make it."""

    rule: Rule | str
    body: Any = None
    form: dict[str, str] | None = None
    path: dict[str, str] = field(default_factory=dict)
    """Path parameters that differ from the defaults."""
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    what: str = ""
    """The name of the variant."""

    def answer(self, kind: str, name: str | None) -> str:
        """The result for a user in a room of this kind: ``ok``, or an error's code."""
        if isinstance(self.rule, Rule):
            return "unauthorized" if name is None else self.rule.answer(kind, PEOPLE[name])
        if self.rule == ANYONE:
            return OK
        if name is None:
            return "unauthorized"
        if self.rule == INVITED and PEOPLE[name] == "banned":
            return "invite_not_found"
        if self.rule == OPERATOR:
            return NO
        return NO if self.rule == ADMINS and PEOPLE[name] != "admin" else OK


_LINES = {"Accept": "application/x-ndjson"}
PASSWORD = "correct horse battery"

OPERATIONS: dict[str, list[Case]] = {
    # Operation
    "health": [Case(ANYONE)],
    "ready": [Case(ANYONE)],
    # Log-in
    "logIn": [Case(ANYONE, form={"username": "tom", "password": PASSWORD})],
    "revokeToken": [Case(ANYONE, form={"token": "none"})],
    "listSessions": [Case(LOGGED_IN)],
    "endAllSessions": [Case(LOGGED_IN)],
    "endSession": [Case(LOGGED_IN, path={"id": "1"})],
    # Users
    "register": [Case(ANYONE, {"username": "new-{me}", "password": PASSWORD})],
    "findUsers": [Case(LOGGED_IN)],
    "getUser": [Case(LOGGED_IN)],
    "getMe": [Case(LOGGED_IN)],
    "updateMe": [Case(LOGGED_IN, {"display_name": "Me"})],
    "deleteMe": [Case(LOGGED_IN, {"password": PASSWORD})],
    "listBlocks": [Case(LOGGED_IN)],
    "block": [Case(LOGGED_IN, path={"username": "nina"})],
    "unblock": [Case(LOGGED_IN)],
    # Rooms
    "listRooms": [Case(LOGGED_IN)],
    "makeRoom": [Case(LOGGED_IN, {"name": "new-{me}", "kind": "private"})],
    "openDirectRoom": [Case(LOGGED_IN, path={"username": "nina"})],
    "acceptInvite": [Case(INVITED)],
    "getRoom": [Case(READERS)],
    "updateRoom": [
        Case(MODERATORS, {"title": "Mine"}),
        Case(OWNERS, {"archived": True}, what="archive"),
    ],
    "archiveRoom": [Case(OWNERS)],
    "markRead": [Case(MEMBERS, {"seq": 1})],
    "setNotifications": [Case(MEMBERS, {"level": "none"})],
    "listMembers": [Case(READERS)],
    "getMember": [Case(READERS)],
    "putMember": [
        Case(MODERATORS, path={"username": "nina"}, what="add"),
        Case(OWNERS, {"role": "moderator"}, what="promote"),
        Case(NO_DIRECT_JOINERS, path={"username": "{me}"}, what="join"),
    ],
    "removeMember": [Case(SELF_AND_MODERATORS)],
    "banUser": [Case(MODERATORS)],
    "unbanUser": [Case(MODERATORS)],
    "muteMember": [Case(MODERATORS)],
    "unmuteMember": [Case(MODERATORS)],
    "makeInvite": [Case(MODERATORS)],
    "listInvites": [Case(MODERATORS)],
    "revokeInvite": [Case(MODERATORS, path={"id": "1"})],
    # Messages
    "listMessages": [Case(READERS)],
    "sendMessage": [Case(SPEAKERS, {"text": "hello"})],
    "getMessage": [Case(READERS)],
    "editMessage": [Case(AUTHOR, {"text": "hello!"})],
    "deleteMessage": [Case(AUTHOR_AND_MODERATORS)],
    "listEdits": [Case(AUTHOR_AND_MODERATORS)],
    "listReplies": [Case(READERS)],
    "react": [Case(SPEAKERS)],
    "unreact": [Case(SPEAKERS)],
    "pinMessage": [Case(SPEAKERS)],
    "unpinMessage": [Case(SPEAKERS)],
    "listPins": [Case(READERS)],
    "listEvents": [Case(READERS), Case(READERS, headers=_LINES, what="export")],
    "search": [
        Case(LOGGED_IN, query={"q": "hello"}),
        Case(READERS, query={"q": "hello", "room": "{room}"}, what="in a room"),
    ],
    # Administration
    "adminListUsers": [Case(ADMINS)],
    "adminAddUser": [Case(ADMINS, {"username": "new-{me}"})],
    "adminSetPassword": [Case(ADMINS, {"password": PASSWORD})],
    "adminDisableUser": [Case(ADMINS)],
    "adminEnableUser": [Case(ADMINS)],
    "adminMakeAdmin": [Case(ADMINS)],
    "adminUnmakeAdmin": [Case(ADMINS)],
    "adminLogInAs": [Case(ADMINS)],
    "adminEraseUser": [Case(ADMINS)],
    "adminListAudit": [Case(ADMINS)],
    "adminNewEpoch": [Case(ADMINS)],
    "adminMove": [Case(OPERATOR, {"to": "sqlite:////nowhere/new.db"})],
    "adminListRooms": [Case(ADMINS)],
    "adminAddRoom": [Case(ADMINS, {"name": "new-{me}", "kind": "private", "owner": "tom"})],
    "adminArchiveRoom": [Case(ADMINS)],
    "adminReopenRoom": [Case(ADMINS)],
    "adminSetRetention": [Case(ADMINS, {"days": 30})],
    "adminLiftRetention": [Case(ADMINS)],
}

REQUESTS: dict[str, list[tuple[Rule | str, dict[str, Any]]]] = {
    "join": [(JOINERS, {})],
    "leave": [(LOGGED_IN, {})],
    "send": [(SPEAKERS, {"text": "hello"})],
    "edit": [(AUTHOR, {"ref": "{seq}", "text": "hello!"})],
    "delete": [(AUTHOR_AND_MODERATORS, {"ref": "{seq}"})],
    "react": [(SPEAKERS, {"ref": "{seq}", "emoji": "👍", "on": True})],
    "pin": [(SPEAKERS, {"ref": "{seq}", "on": True})],
    "read": [(MEMBERS, {"seq": 1})],
    # These concern the connection, not a room; typing has no answer.
    "typing": [],
    "auth": [],
    "ping": [],
}
"""The same for requests on a WebSocket that has not joined the room."""
