"""
Alembic's commands on the database of the settings: ``python -m parley.commands.alembic``.

``parley migrate`` only goes forward. ``downgrade REVISION`` goes back, before an older version is
installed; ``revision --autogenerate -m "add attachments"`` writes a migration, and ``check`` says
whether one is missing. SQLite's file is locked meanwhile, so the server has to be stopped.
"""

import asyncio
import sys
from argparse import Namespace
from collections.abc import Sequence

import typer
from alembic.config import CommandLine
from alembic.util import CommandError as AlembicError
from sqlalchemy import Connection

from app.commands.exit_codes import CommandError, Misuse, exit_status
from app.config.settings import Settings, read_settings
from app.observability.logs import configure
from app.store.migrations import alembic_config
from app.store.opening import open_any_schema


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the command line names, and exit."""
    parser = CommandLine(prog="python -m parley.commands.alembic").parser
    options = parser.parse_args(arguments)
    if not hasattr(options, "cmd"):
        parser.error("too few arguments")
    try:
        settings = read_settings()
        configure("critical", settings.log_format)
        asyncio.run(_run(settings, options))
    except Exception as exc:
        status = exit_status(exc)
        if status is None:
            raise
        line, code = status
        typer.echo(line, err=True)
        sys.exit(code)


async def _run(settings: Settings, options: Namespace) -> None:
    where = settings.database
    if where.in_memory:
        raise Misuse("DATABASE_URL: the database is in memory and has nothing to migrate.")
    command, positional, named = options.cmd

    def work(connection: Connection) -> None:
        config = alembic_config(connection)
        config.cmd_opts, config.stdout = options, sys.stdout
        command(
            config,
            *(getattr(options, name, None) for name in positional),
            **{name: getattr(options, name, None) for name in named},
        )

    async with open_any_schema(where.kind, where.url, where.path, wait=0) as database:
        try:
            await database.write(work)
        except AlembicError as exc:
            raise CommandError(str(exc)) from None


if __name__ == "__main__":
    main()
