"""The version of Parley that is installed, for ``parley version`` and the OpenAPI document."""

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "parley-chat"
"""What the package index and ``pip`` call it. What it installs is imported as ``parley``."""


def _installed() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        # A checkout that is run without being installed.
        return "0"


VERSION = _installed()
