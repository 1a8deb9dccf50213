"""The pages that are made of the code say what the code says now."""

from collections.abc import Callable

import pytest

import parley_client
from tests.docs.generated import DOCS, PAGES, PYTHON


@pytest.mark.parametrize(("name", "made"), PAGES.items(), ids=list(PAGES))
def test_a_page_says_what_the_code_says(name: str, made: Callable[[], str]) -> None:
    # If not: PYTHONPATH=clients/python .venv/bin/python -m tests.docs.generated
    assert (DOCS / name).read_text("utf-8") == made()


def test_everything_that_is_exported_is_in_the_page() -> None:
    assert sorted(name for names in PYTHON.values() for name in names) == parley_client.__all__
