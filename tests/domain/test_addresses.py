"""Whose address it is."""

import pytest

from app.domain.addresses import subscriber


@pytest.mark.parametrize(
    ("address", "found"),
    [
        pytest.param("192.0.2.7", "192.0.2.7", id="IPv4"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", id="IPv6"),
        pytest.param("2001:db8:1:2::", "2001:db8:1:2::", id="a network"),
        pytest.param("::ffff:192.0.2.7", "192.0.2.7", id="IPv4 in IPv6"),
        pytest.param("testclient", "testclient", id="a name"),
        pytest.param("a:b", "a:b", id="no address"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_limit_counts_by_subscriber(address: str, found: str) -> None:
    assert subscriber(address) == found
