"""``parley torture``."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import typer

from ..torture.api_client import TortureError
from ..torture.findings import Promise
from ..torture.plan import Plan
from ..torture.report import Verdict
from ..torture.run import Credentials, torture
from ..torture.server_killer import CommandKiller, ManagedServer, ServerKiller
from .exit_codes import CommandError, Misuse


def run(
    urls: Sequence[str],
    plan: Plan,
    *,
    serve: bool,
    kill_with: str | None,
    accounts: Path | None,
    report: Path | None,
) -> None:
    """
    Run the loss checker, and print its report.

    Raises:
        Misuse: If the arguments contradict each other or the accounts file is invalid.
        CommandError: If a promise was broken, or no request was acknowledged.

    """
    if serve == bool(urls):
        raise Misuse("Give the address of a server, or of its nodes, or --serve to start one.")
    if serve and kill_with is not None:
        raise Misuse(
            "--kill-with is for a running server; --serve kills the server that it starts."
        )
    if plan.kills and not serve and kill_with is None:
        raise Misuse("--kills needs --serve or --kill-with COMMAND.")
    credentials = _read_credentials(accounts)
    try:
        if serve:
            exit_status = asyncio.run(_run_on_managed_server(plan, credentials))
        else:
            killer = None if kill_with is None else CommandKiller(kill_with)
            exit_status = asyncio.run(_run(urls, plan, credentials, killer))
    except TortureError as exc:
        raise CommandError(str(exc)) from None
    except BaseExceptionGroup as exc:
        first = _first_leaf(exc)
        if not isinstance(first, TortureError):
            raise
        raise CommandError(str(first)) from None
    if report is not None:
        report.write_text(json.dumps(exit_status.as_json(), indent=2) + "\n")
    *lines, last = exit_status.lines()
    for line in lines:
        typer.echo(line)
    if not exit_status.good:
        raise CommandError(last)
    typer.echo(last)


async def _run(
    urls: Sequence[str],
    plan: Plan,
    credentials: Sequence[Credentials],
    killer: ServerKiller | None,
) -> Verdict:
    return await torture(
        urls, plan, credentials=credentials, killer=killer, on_progress=_print_progress
    )


async def _run_on_managed_server(plan: Plan, credentials: Sequence[Credentials]) -> Verdict:
    server = ManagedServer(Random(plan.seed))
    good = False
    try:
        await server.start()
        exit_status = await _run([server.url], plan, credentials, server)
        await server.stop()
        if found := await server.check():
            exit_status.history.findings.add(Promise.KEPT, "", f"parley check: {found}")
        good = exit_status.good
        return exit_status
    finally:
        await server.stop()
        if good:
            server.remove()
        else:
            _print_progress(f"The server's database and log are in {server.directory}.")


def _print_progress(line: str) -> None:
    # To standard error: standard output is for the exit_status.
    typer.echo(line, err=True)


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first_leaf(first) if isinstance(first, BaseExceptionGroup) else first


def _read_credentials(file: Path | None) -> list[Credentials]:
    if file is None:
        return []
    try:
        lines = [line for line in file.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as exc:
        raise Misuse(f"Could not read {file}: {exc}.") from None
    pairs = [tuple(line.strip().split(":", 1)) for line in lines]
    found = [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]
    if not found or len(found) < len(pairs):
        raise Misuse(f"{file}: every line must be name:password.")
    return found
