"""
Parley: a self-hosted chat backend in which the live feed is the archive.

    from parley import Settings, create_app

    app = create_app(Settings(secret_key="..."))

The package is ``app`` in a checkout and ``parley`` where it is installed; a process uses one of
the names. What it exports is imported when it is first asked for, so that ``import parley``
costs next to nothing.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config.settings import Settings, SettingsError, read_settings
    from .main import create_app
    from .version import VERSION as __version__

__all__ = ["Settings", "SettingsError", "__version__", "create_app", "read_settings"]

# Where each name is, and what it is called there.
_EXPORTS = {
    "Settings": ("config.settings", "Settings"),
    "SettingsError": ("config.settings", "SettingsError"),
    "__version__": ("version", "VERSION"),
    "create_app": ("main", "create_app"),
    "read_settings": ("config.settings", "read_settings"),
}
# Tells this package from others that are called `app`.
_IS_PARLEY = True


def _refuse_second_copy() -> None:
    """Every class would exist twice: what one copy raises, the other doesn't catch."""
    for other in {"app", "parley"} - {__name__}:
        if "_IS_PARLEY" in getattr(sys.modules.get(other), "__dict__", ()):
            raise ImportError(
                f"Parley is already imported as `{other}`; import all of it under that name, "
                f"not as `{__name__}`."
            )


_refuse_second_copy()

if not TYPE_CHECKING:  # or a type checker would accept every name

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, attribute = _EXPORTS[name]
        value = globals()[name] = getattr(import_module(f".{module}", __name__), attribute)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_EXPORTS})
