"""What each ``parley`` command does. :mod:`app.cli` says how they are called."""
