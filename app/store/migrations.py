"""Bringing a database to this version's schema, all or nothing."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_APP = Path(__file__).resolve().parent.parent


def _config() -> Config:
    # In a checkout the migrations stand beside the package, in a wheel inside it.
    packaged = _APP / "_migrations"
    config = Config()
    config.set_main_option(
        "script_location", str(packaged if packaged.is_dir() else _APP.parent / "migrations")
    )
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Apply what is missing, in the caller's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Go back to ``revision``, in the caller's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def latest() -> str:
    """The revision that this version of Parley needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def is_known(revision: str) -> bool:
    """Whether this version has ``revision``: if not, a newer one made the database."""
    return any(
        s.revision == revision for s in ScriptDirectory.from_config(_config()).walk_revisions()
    )
