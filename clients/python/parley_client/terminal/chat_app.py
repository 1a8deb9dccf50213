"""``parley chat``: rooms, messages and an input line, with Textual (the extra ``tui``)."""

import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import ClassVar
from urllib.parse import quote

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, Input, OptionList, RichLog, Static
from textual.widgets.option_list import Option
from textual.worker import Worker

from ..client import Client
from ..errors import ParleyError
from ..signals import Signal
from .conversation import Conversation
from .read_markers import ReadMarkers
from .room_list import RoomList
from .slash import UnknownCommand, run
from .typists import Typists

# Of the newest messages, when a room is opened.
_HISTORY = 50
# Between two drawings.
_DRAW_SECONDS = 0.03
# Answers and errors that are kept on the screen.
_MAX_SAID = 5
# Between two notices that this user types.
_TELL_TYPING_SECONDS = 3.0


class ChatApp(App[None]):
    """
    The screen. Runs while the client is open, and ends with it.

    Args:
        chat: An open client.
        room: To begin with.

    """

    TITLE = "Parley"
    CSS = """
    #rooms { width: 26; border-right: solid $primary; }
    #heading { height: 1; margin-bottom: 1; }
    #messages { height: 1fr; }
    #state { height: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "next_room(1)", "Next room", priority=True),
        Binding("ctrl+p", "next_room(-1)", "Previous room", priority=True),
        Binding("pageup", "page_up", "Older", priority=True),
        Binding("pagedown", "page_down", "Newer", priority=True),
        Binding("ctrl+q", "quit", "Quit", priority=True),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, chat: Client, room: str | None) -> None:
        super().__init__()
        self._chat = chat
        self._first = room
        self._rooms = RoomList(chat.welcome.get("rooms") or ())
        # Answers and errors, below the messages until the next line is typed.
        self._said: list[str] = []
        self._open: dict[str, Conversation] = {}
        self._shown: Conversation | None = None
        self._typists = Typists()
        self._told_typing = 0.0
        # Lines that were typed and are not answered yet.
        self._waiting = 0
        self._is_reading_older = False
        self._is_drawing = False
        self._markers = ReadMarkers(chat, lambda: self._shown)

    def compose(self) -> ComposeResult:
        """The widgets."""
        with Horizontal():
            yield OptionList(id="rooms")
            with Vertical():
                yield Static(id="heading", markup=False)
                yield RichLog(
                    id="messages", wrap=True, markup=False, highlight=False, min_width=20
                )
                yield Static(id="state", markup=False)
                yield Input(id="line", placeholder="Message, or /help")
        yield Footer()

    def on_mount(self) -> None:
        """Show the rooms, and open one."""
        self.query_one("#line", Input).focus()
        self._start(self._watch)
        self._start(self._markers.run)
        self.set_interval(1.0, self._show_state)
        self._open_room((self._first or next(iter(self._rooms.names), "general")).lower())

    def _start(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        _worker: Worker[None] = self.run_worker(work, exit_on_error=False)

    # Rooms

    def _open_room(self, name: str) -> None:
        if name not in self._open:
            self._open[name] = Conversation(name)
            self._start(partial(self._follow, self._open[name]))
        self._rooms.add(name)
        self._said.clear()
        self._shown = self._open[name]
        self._typists.clear()
        self.query_one("#heading", Static).update(self._rooms.heading(name))
        self._mark_read()
        self._show_rooms()
        self._show_messages()

    async def _follow(self, conversation: Conversation) -> None:
        name = conversation.room
        try:
            async for event in self._chat.room(name, history=_HISTORY):
                if not conversation.apply(event, self._chat.user):
                    continue
                if conversation is self._shown:
                    self._mark_read()
                    self._show_messages()
                else:
                    self._rooms.set_unread(name, conversation.unread)
                    self._show_rooms()
            return
        except ParleyError as exc:
            failure = f"{name}: {exc}"
        del self._open[name]
        self._rooms.remove(name)
        if conversation is self._shown and self._rooms.names:
            self._open_room(self._rooms.names[0])
        self._show_rooms()
        self._say(failure)

    def _mark_read(self) -> None:
        if self._shown is not None:
            self._shown.unread = 0
            self._rooms.set_unread(self._shown.room, 0)
            self._markers.look()

    def _show_rooms(self) -> None:
        rooms = self.query_one("#rooms", OptionList)
        rooms.clear_options()
        for name in self._rooms.names:
            is_shown = self._shown is not None and name == self._shown.room
            rooms.add_option(Option(self._rooms.line(name, is_shown=is_shown), id=name))
            if is_shown:
                rooms.highlighted = rooms.option_count - 1

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A room was chosen."""
        if event.option.id is not None:
            self._open_room(event.option.id)
            self.query_one("#line", Input).focus()

    def action_next_room(self, step: int) -> None:
        """Open the next room, or the one before."""
        if self._shown is not None and self._rooms.names:
            self._open_room(self._rooms.after(self._shown.room, step))

    # Messages

    def _show_messages(self) -> None:
        """Draw the messages soon: once for what comes together."""
        if not self._is_drawing:
            self._is_drawing = True
            self.set_timer(_DRAW_SECONDS, self._draw)

    def _draw(self) -> None:
        self._is_drawing = False
        log = self.query_one("#messages", RichLog)
        at_end = log.scroll_offset.y >= log.max_scroll_y - 1
        offset = log.scroll_offset.y
        log.clear()
        for message in self._shown.messages if self._shown else ():
            log.write(Text(message.line()), scroll_end=at_end)
        for text in self._said:
            log.write(Text(text, style="italic"), scroll_end=True)
        if not at_end and not self._said:
            log.scroll_to(y=offset, animate=False)
        self._show_state()

    def _say(self, text: str) -> None:
        self._said = [*self._said[-_MAX_SAID:], text]
        self._show_messages()

    def action_page_down(self) -> None:
        """Scroll on."""
        self.query_one("#messages", RichLog).scroll_page_down(animate=False)

    def action_page_up(self) -> None:
        """Scroll back; at the top, read older messages."""
        log = self.query_one("#messages", RichLog)
        if log.scroll_offset.y > 0:
            log.scroll_page_up(animate=False)
        elif self._shown is not None and self._shown.has_older and not self._is_reading_older:
            self._start(partial(self._read_older, self._shown))

    async def _read_older(self, conversation: Conversation) -> None:
        self._is_reading_older = True
        try:
            page = await self._chat.messages(conversation.room, before=conversation.oldest)
            if conversation.add_page(page) and conversation is self._shown:
                log = self.query_one("#messages", RichLog)
                before = len(log.lines)
                self._draw()
                # A page further up than before.
                added = len(log.lines) - before
                log.scroll_to(y=max(0, added - log.size.height), animate=False)
        except ParleyError as exc:
            self._say(str(exc))
        finally:
            self._is_reading_older = False

    # The input line

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the room that this user types, not too often."""
        now = time.monotonic()
        is_text = event.value and not event.value.startswith("/")
        if is_text and self._shown and now - self._told_typing > _TELL_TYPING_SECONDS:
            self._told_typing = now
            self._chat.typing(self._shown.room)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send the line, or carry out its command."""
        line = event.value.strip()
        if not line or self._shown is None:
            return
        event.input.clear()
        self._said.clear()
        self._told_typing = 0.0
        if line == "/quit":
            self.exit()
        elif line.startswith("/join "):
            self._open_room(line.removeprefix("/join ").strip().lower())
        else:
            # One after the other: messages are in the order in which they were typed.
            self._start(partial(self._carry_out, self._shown, line))

    async def _carry_out(self, shown: Conversation, line: str) -> None:
        self._waiting += 1
        try:
            said = await run(self._chat, shown, line)
        except (ParleyError, UnknownCommand) as exc:
            self._say(str(exc))
            field = self.query_one("#line", Input)
            if not field.value:
                # Nothing that was typed is lost.
                field.value = line
        else:
            if said is not None:
                self._say(said)
        finally:
            self._waiting -= 1

    # Signals

    async def _watch(self) -> None:
        try:
            async for signal in self._chat.signals:
                self._on_signal(signal)
        except ParleyError as exc:
            self.exit(message=str(exc))

    def _on_signal(self, signal: Signal) -> None:
        match signal.type:
            case "typing" if self._shown and signal.room == self._shown.room and signal.by:
                self._typists.set(signal.by, on=bool(signal.raw.get("on")))
            case "activity" if signal.room and signal.room not in self._open:
                self._start(partial(self._count_unread, signal.room))
            case "added" if signal.room:
                self._rooms.add(signal.room)
                self._show_rooms()
            case "removed" if signal.room:
                self._rooms.remove(signal.room)
                self._show_rooms()
        self._show_state()

    async def _count_unread(self, room: str) -> None:
        # The signal says that there is something, and comes once in 2 s at most.
        try:
            found = await self._chat.http("GET", f"/rooms/{quote(room)}")
        except ParleyError:
            return
        if room not in self._open:
            self._rooms.set_unread(room, found["unread"] or 0)
            self._show_rooms()

    def _show_state(self) -> None:
        waiting = f"; {self._waiting} to be sent then" if self._waiting else ""
        offline = "" if self._chat.is_connected else f"Not connected; reconnecting{waiting}"
        parts = (offline, self._typists.line())
        self.query_one("#state", Static).update(" · ".join(part for part in parts if part))
