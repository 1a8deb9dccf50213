"""
Runs the migrations on a connection that is handed over in ``config.attributes``.

    connection       in a transaction of the caller's: a migration that fails leaves nothing
    target_metadata  the tables that the code expects; only for ``--autogenerate`` and ``check``

No file in this folder imports Parley: a migration states what held when it was written, and the
package has one name in a checkout (``app``) and another where it is installed (``parley``).
"""

from alembic import context


def _is_compared(
    obj: object, name: str | None, kind: str, reflected: bool, _other: object
) -> bool:
    # The tables of the search index are made by hand, per engine.
    return not (reflected and kind == "table" and (name or "").startswith("search"))


attributes = context.config.attributes
connection = attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=attributes.get("target_metadata"),
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
    transaction_per_migration=False,
    compare_type=True,
    compare_server_default=False,
    include_object=_is_compared,
)
with context.begin_transaction():
    context.run_migrations()
