"""
Who is logged in where: one file per account and server, which only its owner can read.

In ``$XDG_CONFIG_HOME/parley``, or ``~/.config/parley``.
"""

import getpass
import os
import sys
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from ..client import Client
from ..http_api import HttpApi, base_url
from ..limits import Limits
from ..token_file import TokenFile
from ..tokens import Tokens

DEFAULT_URL = "http://127.0.0.1:8000"


class NotLoggedIn(Exception):
    """There is no log-in to use, and no terminal to ask for a password."""


class NoTerminal(NotLoggedIn):
    """There is no terminal to ask for a password."""


class AskPassword(Protocol):
    """Asks a person for a password."""

    def __call__(self, prompt: str) -> str:
        """The password. Raises NoTerminal."""


def ask_at_terminal(prompt: str) -> str:
    """Ask at the terminal, whatever standard input is."""
    try:
        with open("/dev/tty"):
            pass
    except OSError:
        raise NoTerminal("There is no terminal to ask for the password.") from None
    return getpass.getpass(prompt, stream=sys.stderr)


def logins_folder() -> Path:
    """Where log-ins are kept."""
    configured = os.environ.get("XDG_CONFIG_HOME")
    return Path(configured or Path.home() / ".config") / "parley"


class Logins:
    """
    The log-ins of one server.

    Args:
        url: Of the server.
        folder: Where they are kept.

    Raises:
        ValueError: If the URL is not the address of a server.

    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url = base_url(url)
        self._folder = folder

    def file(self, username: str) -> TokenFile:
        """Where a user's log-in is kept, if there is one."""
        name = f"{username.lower()}@{self.url.partition('://')[2]}"
        return TokenFile(self._folder / f"{quote(name, safe='@:.')}.json")

    def users(self) -> list[str]:
        """Who is logged in."""
        host = quote("@" + self.url.partition("://")[2], safe="@:.")
        found = self._folder.glob(f"*{_literal(host)}.json")
        return sorted(file.name.removesuffix(f"{host}.json") for file in found)

    def client(
        self, username: str | None, ask: AskPassword, *, limits: Limits, fresh: bool = False
    ) -> Client:
        """
        A client of a user who is logged in, or logs in with a password now.

        The password is ``PARLEY_PASSWORD``, or a person is asked.

        Args:
            username: None: the one who is logged in.
            ask: Asks a person for the password.
            limits: Of the client.
            fresh: Log in anew, whatever is kept.

        Raises:
            NotLoggedIn: If it is not clear who, or there is no terminal to ask.

        """
        known = self.users()
        if username is None:
            if len(known) != 1:
                raise NotLoggedIn(
                    f"You are logged in at {self.url} as {', '.join(known)}: choose with --user."
                    if known
                    else f"You are not logged in at {self.url}: say who you are with --user."
                )
            username = known[0]
        file = self.file(username)
        password = os.environ.get("PARLEY_PASSWORD")
        if password is None and (fresh or username.lower() not in known):
            password = self._ask(ask, username, fresh=fresh)
        if fresh:
            return Client(self.url, username, password, on_tokens=file.save, limits=limits)
        who = None if password is None else username
        return Client(self.url, who, password, tokens=file, limits=limits)

    def _ask(self, ask: AskPassword, username: str, *, fresh: bool) -> str:
        try:
            return ask(f"Password of {username} at {self.url}: ")
        except NoTerminal as exc:
            advice = (
                f"{exc} Set PARLEY_PASSWORD."
                if fresh
                else f"You are not logged in at {self.url} as {username}. {exc} Run "
                "`parley login` first, or set PARLEY_PASSWORD."
            )
            raise NotLoggedIn(advice) from None

    async def revoke(self, tokens: Tokens) -> None:
        """End a log-in at the server. Raises ParleyError."""
        async with HttpApi(self.url, Limits(), tls=None, trust_env=True) as http:
            form = {"token": tokens.refresh or tokens.access}
            await http.request("POST", "/token/revoke", form=form)


def _literal(text: str) -> str:
    """Text that a glob pattern takes as it is."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in text)
