"""Bringing a database to this version's schema, all or nothing."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from app.store.tables import metadata

# A link to `migrations/` in a checkout; the files themselves in a wheel.
_FOLDER = Path(__file__).parents[1] / "_migrations"


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration; see ``migrations/env.py`` for what runs on ``connection``."""
    config = Config()
    # A percent sign interpolates.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("timezone", "UTC")
    config.attributes |= {"connection": connection, "target_metadata": metadata}
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Apply what is missing, in the caller's transaction."""
    command.upgrade(alembic_config(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Go back to ``revision``, in the caller's transaction."""
    command.downgrade(alembic_config(connection), revision)


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def latest() -> str:
    """The revision that this version of Parley needs."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert head is not None
    return head


def is_known(revision: str) -> bool:
    """Whether this version has ``revision``: if not, a newer one made the database."""
    scripts = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    return any(script.revision == revision for script in scripts)
