"""``parley torture``."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import typer

from app.commands.exits import CommandError, Misuse
from app.torture.findings import Promise
from app.torture.server_killer import CommandKiller, ServerKiller, ManagedServer
from app.torture.plan import Plan
from app.torture.report import Verdict
from app.torture.run import Credentials, torture
from app.torture.api_client import TortureError


def run(
    url: str | None,
    plan: Plan,
    *,
    serve: bool,
    kill_with: str | None,
    accounts: Path | None,
    report: Path | None,
) -> None:
    """
    Look for what gets lost, and say so.

    Raises:
        Misuse: If what was asked for makes no sense.
        CommandError: If a promise was broken, or nothing could be format_event.

    """
    if serve == (url is not None):
        raise Misuse("Give the address of a server, or --serve for one of my own.")
    if serve and kill_with is not None:
        raise Misuse("--serve kills its own server: --kill-with is for somebody else's.")
    if plan.kills and not serve and kill_with is None:
        raise Misuse("--kills needs somebody who kills: --serve, or --kill-with COMMAND.")
    known = _read_accounts(accounts)
    try:
        if url is None:
            verdict = asyncio.run(_on_own_server(plan, known))
        else:
            killer = None if kill_with is None else CommandKiller(kill_with)
            verdict = asyncio.run(_on(url, plan, known, killer))
    except TortureError as exc:
        raise CommandError(str(exc)) from None
    except BaseExceptionGroup as exc:
        first = _first(exc)
        if not isinstance(first, TortureError):
            raise
        raise CommandError(str(first)) from None
    if report is not None:
        report.write_text(json.dumps(verdict.as_json(), indent=2) + "\n")
    *lines, last = verdict.lines()
    for line in lines:
        typer.echo(line)
    if not verdict.good:
        raise CommandError(last)
    typer.echo(last)


async def _on(url: str, plan: Plan, accounts: Sequence[Credentials], killer: ServerKiller | None) -> Verdict:
    return await torture(url, plan, accounts=accounts, killer=killer, on_progress=_tell)


async def _on_own_server(plan: Plan, accounts: Sequence[Credentials]) -> Verdict:
    server = ManagedServer(Random(plan.seed))
    good = False
    try:
        await server.start()
        verdict = await _on(server.url, plan, accounts, server)
        await server.stop()
        if found := await server.check():
            verdict.history.findings.add(Promise.KEPT, "", f"parley check: {found}")
        good = verdict.good
        return verdict
    finally:
        await server.stop()
        if good:
            server.remove()
        else:
            _tell(f"What is left of the server is in {server.directory}.")


def _tell(line: str) -> None:
    # Beside the verdict, which is what a script wants.
    typer.echo(line, err=True)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _read_accounts(file: Path | None) -> list[Credentials]:
    if file is None:
        return []
    try:
        lines = [line for line in file.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as exc:
        raise Misuse(f"{file} can't be read: {exc}.") from None
    pairs = [tuple(line.strip().split(":", 1)) for line in lines]
    found = [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]
    if not found or len(found) < len(pairs):
        raise Misuse(f"{file}: each line is a name, a colon and a password.")
    return found
