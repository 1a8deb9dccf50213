"""What :mod:`bench.mutants` mutates, and which tests are its own."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """A module or a folder of modules, and how many of its mutants are tried."""

    path: Path
    sample: int

    @property
    def files(self) -> list[Path]:
        """The modules that are mutated."""
        found = self.path.rglob("*.py") if self.path.is_dir() else [self.path]
        return sorted(file for file in found if file.name != "__init__.py")

    @property
    def mirror(self) -> list[Path]:
        """Its own tests: the folder of the same name, or ``test_hub.py`` and ``test_hub_*.py``."""
        folder = Path("tests", *self.path.parent.parts[1:])
        if self.path.is_dir():
            return [folder / self.path.name]
        stem = self.path.stem
        return sorted([*folder.glob(f"test_{stem}.py"), *folder.glob(f"test_{stem}_*.py")])
