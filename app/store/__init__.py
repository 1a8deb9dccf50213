"""
What is on disk. The only layer that knows SQLAlchemy, and that writes SQL.

Two kinds of code, which can be told apart by looking:

* A function with a ``connection: DbConnection`` is a part of a transaction. It is synchronous,
  runs in a database thread, and touches nothing but its arguments and constants. Most modules
  hold such functions alone: one module per table, or per question.
* Everything with ``async`` in it belongs to the event loop: ``database`` (the interface),
  ``sqlite`` and ``postgres`` (its two implementations), ``batch_loader``, ``opening``,
  ``schema_version``, ``offline``, ``file_lock``, ``file_rewrite``, ``integrity``, ``lease``,
  ``write_gate``, ``move``, ``live_move``, ``move_places``, ``move_state``, ``loop_calls``,
  ``thread_pool`` and ``session_threads``. What these run in a thread is named ``…_in_thread``.

What belongs to the event loop is never passed into a transaction: give it values, and take its
result.
"""
