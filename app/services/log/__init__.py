"""
Writing the logs of rooms: group commit, and transactions whose effects are announced.

``committer`` is the only code that writes events. ``transactions`` runs appends together with
other statements. ``seams`` announces what was committed to the layers above.

``epoch`` and ``seams`` have no tests of their own: tests/services/admin, tests/api and
tests/realtime observe what they announce.
"""
