"""Hints between nodes. The database is the truth: a hint may be lost, repeated or reordered."""
