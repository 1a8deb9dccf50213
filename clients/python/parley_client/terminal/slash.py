"""The slash commands of ``parley chat``: what a line that begins with / asks for."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from ..client import Client
from .conversation import Conversation
from .text import printable

HELP = """\
/join ROOM        open a room, and join it if it is public
/leave            leave this room for good
/search WORDS     find messages in this room
/reply TEXT       reply to the newest message
/edit TEXT        replace your newest message
/delete           delete your newest message
/react EMOJI      react to the newest message
/who              who is here
/quit             end; also Ctrl+Q
//text            send a message that begins with /
PageUp at the top reads older messages; Ctrl+N and Ctrl+P change the room."""


class UnknownCommand(Exception):
    """The message says what to do instead."""


Run = Callable[[Client, Conversation, str], Awaitable[str | None]]


async def _search(chat: Client, shown: Conversation, words: str) -> str:
    parameters = {"q": words, "room": shown.room, "limit": 20}
    found = (await chat.http("GET", "/search", parameters=parameters))["messages"]
    lines = [f"{each['seq']} {each['by']}: {printable(each['snippet'])}" for each in found]
    return "\n".join([f"{len(found)} found for {printable(words)}", *lines])


async def _reply(chat: Client, shown: Conversation, text: str) -> None:
    message = shown.last_of(None)
    await chat.send(shown.room, text, reply_to=None if message is None else message.seq)


async def _edit(chat: Client, shown: Conversation, text: str) -> str | None:
    message = shown.last_of(chat.user)
    if message is None:
        return "You have no message here."
    await chat.edit(shown.room, message.seq, text)
    return None


async def _delete(chat: Client, shown: Conversation, _: str) -> str | None:
    message = shown.last_of(chat.user)
    if message is None:
        return "You have no message here."
    await chat.delete(shown.room, message.seq)
    return None


async def _react(chat: Client, shown: Conversation, emoji: str) -> str | None:
    message = shown.last_of(None)
    if message is None:
        return "There is no message here."
    await chat.react(shown.room, message.seq, emoji)
    return None


async def _who(chat: Client, shown: Conversation, _: str) -> str:
    present = chat.room(shown.room).joined.get("present") or []
    return "Here when you joined: " + ", ".join(present)


async def _leave(chat: Client, shown: Conversation, _: str) -> str:
    await chat.http("DELETE", f"/rooms/{quote(shown.room)}/members/{quote(chat.user)}")
    return f"You have left {shown.room}."


async def _help(chat: Client, shown: Conversation, _: str) -> str:
    return HELP


_COMMANDS: Mapping[str, Run] = {
    "help": _help,
    "leave": _leave,
    "search": _search,
    "reply": _reply,
    "edit": _edit,
    "delete": _delete,
    "react": _react,
    "who": _who,
}


async def run(chat: Client, shown: Conversation, line: str) -> str | None:
    """
    Carry out a line; return what to show.

    Raises:
        UnknownCommand: If it is none.
        ParleyError: If the server refuses it.

    """
    if line.startswith("//") or not line.startswith("/"):
        await chat.send(shown.room, line[1:] if line.startswith("//") else line)
        return None
    name, _, rest = line[1:].partition(" ")
    found = _COMMANDS.get(name)
    if found is None:
        raise UnknownCommand(f"There is no /{printable(name)}; /help lists what there is.")
    return await found(chat, shown, rest.strip())
