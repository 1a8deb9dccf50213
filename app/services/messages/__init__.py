"""Messages: sending, pages of history, search."""
