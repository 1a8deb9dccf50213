"""
What users and operators can do: decide and commit, then announce.

Packages: ``log`` (the writer of room logs, and transactions), ``accounts``, ``rooms``,
``messages`` and ``admin``. Each has a ``parts`` module: one frozen dataclass with the package's
objects and one ``open_…`` context manager that builds, starts and closes them.

Objects here belong to the event loop. A function with a ``connection: DbConnection`` is a part of
a transaction: it runs in a database thread and touches nothing but its arguments and constants.
So do the closures named ``work``: the event loop reads the clock and copies its own state first.

Nothing here knows who listens. What was committed is announced through ``log.seams``.
"""
