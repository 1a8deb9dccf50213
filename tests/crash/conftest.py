"""What long proofs found, for whoever reads their output."""

from collections.abc import Callable

import pytest


@pytest.fixture(name="report")
def _report(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Writes a line to the terminal, whether the test passes or not."""

    def write(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", flush=True)  # noqa: T201

    return write
