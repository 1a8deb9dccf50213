"""Secrets: passwords and tokens. The only layer that knows python-jose and passlib."""
