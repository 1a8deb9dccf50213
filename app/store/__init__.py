"""What is on disk. The only layer that knows SQLAlchemy."""
