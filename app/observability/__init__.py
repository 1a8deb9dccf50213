"""Logging: structured lines without secrets."""
