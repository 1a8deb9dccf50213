"""
Bringing a database to this version's schema, all or nothing.

The migrations import none of this package: they get the connection, and the tables to compare
with, through the attributes of Alembic's configuration.
"""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from .database import DbConnection
from .tables import metadata

# A link to `migrations/` in a checkout, the files themselves in a wheel.
_FOLDER = Path(__file__).parents[1] / "_migrations"


def config(connection: DbConnection | None = None) -> Config:
    """The configuration with which Alembic finds the migrations and works on ``connection``."""
    made = Config()
    # A percent sign would interpolate.
    made.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    made.attributes["connection"] = None if connection is None else connection.sqlalchemy
    made.attributes["target_metadata"] = metadata
    return made


def upgrade(connection: DbConnection, revision: str = "head") -> None:
    """Apply the migrations that are missing, in the caller's transaction."""
    command.upgrade(config(connection), revision)


def downgrade(connection: DbConnection, revision: str) -> None:
    """Go back to ``revision``, in the caller's transaction."""
    command.downgrade(config(connection), revision)


def current(connection: DbConnection) -> str | None:
    """The revision of the database; None if it is empty."""
    return MigrationContext.configure(connection.sqlalchemy).get_current_revision()


@cache
def latest() -> str:
    """The revision that this version of Parley needs. Read from the files once."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    assert head is not None
    return head


def is_known(revision: str) -> bool:
    """Whether this version has ``revision``. If not, a newer version made the database."""
    return any(
        script.revision == revision
        for script in ScriptDirectory.from_config(config()).walk_revisions()
    )
