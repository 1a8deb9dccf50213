"""What the words mean: ids, limits, errors, roles, events. Pure; knows no I/O and no library."""
