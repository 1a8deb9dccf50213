"""Passwords as in production, but hashed in a tenth of a millisecond instead of twenty."""

from functools import cache

from passlib.context import CryptContext

from app.security.passwords import Passwords

COST = {"type": "ID", "memory_cost": 64, "rounds": 1, "parallelism": 1}
"""What argon2 is told: kibibytes, rounds and lanes."""


@cache
def _context() -> CryptContext:
    return CryptContext(
        schemes=["argon2"], **{f"argon2__{name}": value for name, value in COST.items()}
    )


def cheap_passwords() -> Passwords:
    """For tests that hash, and are not about the cost of it."""
    return Passwords(_context())
