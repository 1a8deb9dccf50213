"""What each ``parley`` command does. :mod:`app.cli` defines their names, options and help."""
