"""Passwords and tokens. The only package that imports python-jose and passlib."""
