"""The secret key: which are refused, and that processes agree on one."""

import secrets
import stat
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.config.secret_key import MissingSecret, check_secret, load_or_create_secret


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "a",
        "9f3c1e7a5b2d8046c1f7e3a9b5d2",
        "a" * 64,
        "0" * 31 + "1" * 31,
        "changeme" * 8,
        "0123456789abcdef" * 4,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "09D25E094FAA6CA2556C818166B7A9563B93F7099F6F0F4CAA6CF63B88E8D3E7",
        "django-insecure-k3v9x2m1q8w7e6r5t4y3u2i1o0p",
        "a-string-secret-at-least-256-bits-long",
        "your_super_secret_key_that_is_long_enough_1",
        "please-change-this-in-production-0123456789",
    ],
)
def test_a_guessable_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="openssl rand -hex 32") as caught:
        check_secret(secret)

    assert not secret or len(secret) < 8 or secret not in str(caught.value)


def test_random_secrets_are_accepted() -> None:
    for _ in range(200):
        check_secret(secrets.token_hex(16))
        check_secret(secrets.token_urlsafe(32))
        check_secret(urlsafe_b64encode(secrets.token_bytes(24)).decode())


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    load_or_create_secret(tmp_path / "data" / "secret_key")

    mode = (tmp_path / "data" / "secret_key").stat().st_mode

    assert stat.S_IMODE(mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret_key"]


def test_concurrent_processes_get_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        created = set(pool.map(load_or_create_secret, [tmp_path / "secret_key"] * 64))

    assert len(created) == 1


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_bytes(b"\xff\x00")

    with pytest.raises(MissingSecret, match="delete it"):
        load_or_create_secret(tmp_path / "secret_key")
