"""The bodies of accounts."""

from unicodedata import normalize

import pytest
from pydantic import ValidationError

from app.wire.accounts import NewUser


@pytest.mark.parametrize("count", [8, 256])
def test_the_limits_of_a_password_count_normalized_characters(count: int) -> None:
    typed = normalize("NFD", "각" * count)

    made = NewUser(username="alice", password=typed)

    assert made.password == "각" * count


@pytest.mark.parametrize("count", [7, 257])
def test_decomposing_makes_no_password_longer(count: int) -> None:
    with pytest.raises(ValidationError):
        NewUser(username="alice", password=normalize("NFD", "각" * count))
