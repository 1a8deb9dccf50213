"""
How many examples a property test tries.

``HYPOTHESIS_PROFILE`` chooses: ``quick`` (``make test``), ``slow`` (``make test-slow`` and
``make test-postgres``), or ``thorough`` (``make test-hard``). The first two try the same examples
in every run, so that a change fails for all developers or for none; ``thorough`` tries others
each time, and prints how to repeat a failing one.
"""

import os

from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")

_PER_HUNDRED = {"quick": 10, "slow": 100, "thorough": 1_000}
"""Examples in each profile for a hundred in slow runs."""


def load_profile() -> None:
    """Apply the chosen profile to all property tests."""
    for name in _PER_HUNDRED:
        thorough = name == "thorough"
        settings.register_profile(
            name,
            # Tests without a number of their own are quick.
            max_examples=1_000 if thorough else 100,
            derandomize=not thorough,
            print_blob=thorough,
            database=None,
            # How long an example takes says more about the machine than about the code.
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
    settings.load_profile(PROFILE)


def examples(slow: int) -> settings:
    """A number of examples for slow runs: a tenth by default, ten times as many when thorough."""
    return settings(max_examples=slow * _PER_HUNDRED[PROFILE] // 100)
