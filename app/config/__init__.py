"""Settings, the database URL and the secret key. Read once at start."""
