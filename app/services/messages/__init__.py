"""
Sending, reading and searching messages.

``message_pages`` answers the pages that clients load most, from a cache; ``history`` reads
everything else; ``search_indexer`` keeps the search index of SQLite up to date.

``messages``, ``history`` and ``search`` have no tests of their own: tests/api (test_messages.py,
test_events.py, test_search.py) covers them.
"""
