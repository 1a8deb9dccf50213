"""What the operator decides: settings, where the database is, the secret. Read once, at the top."""
