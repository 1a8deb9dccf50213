"""The files in ``deploy/``: read as what they are."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = ("migrate", "deployment", "service", "disruption-budget", "ingress")

# What follows a drain: closing the parts, the last notifications.
MARGIN_SECONDS = 5


def read_yaml(name: str) -> dict[str, Any]:
    """A file of one YAML document."""
    document = yaml.safe_load((DEPLOY / name).read_text())
    assert isinstance(document, dict)
    return document


def manifest(name: str) -> dict[str, Any]:
    """A file of ``deploy/kubernetes``, by its name without the suffix."""
    return read_yaml(f"kubernetes/{name}.yaml")


def seconds(time: str) -> float:
    """A time as these files write it: ``4s``, ``100ms``."""
    if time.endswith("ms"):
        return float(time.removesuffix("ms")) / 1_000
    return float(time.removesuffix("s"))
