"""Settings: sources and precedence, what is refused, and that no secret is ever shown."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.config.settings import Settings, SettingsError, read_settings, resolve_secret

ROOT = Path(__file__).parents[2]
GOOD = "0f8a7c3e91d24b6586ab1c9d7e2f4053b8c6d1e09a7f3b52"
EXAMPLE = ROOT / ".env.example"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty directory, and none of the settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def _refusal(**environment: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(SettingsError) as caught:
            read_settings()
    return str(caught.value)


def test_the_example_names_every_setting_and_no_other() -> None:
    named = re.findall(r"^([A-Z_]+)=", EXAMPLE.read_text(), re.M)

    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_the_example_holds_the_defaults(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(EXAMPLE.read_text())

    assert read_settings() == Settings()


def test_the_environment_wins_over_env_file_and_arguments_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("PORT=1\nHOST=file\nLOG_FORMAT=json\n")
    monkeypatch.setenv("PORT", "2")
    monkeypatch.setenv("HOST", "environment")

    settings = read_settings(port=3, host=None)

    assert (settings.port, settings.host, settings.log_format) == (3, "environment", "json")


def test_words_are_case_insensitive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("REGISTRATION", "Closed")

    assert (read_settings().log_level, read_settings().registration) == ("debug", "closed")


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://Chat.example.org:443/, http://[::1]:3000")
    monkeypatch.setenv("SECRET_KEYS_OLD", f"{GOOD}1,{GOOD}2")

    settings = read_settings()

    assert settings.allowed_origins == ("https://chat.example.org", "http://[::1]:3000")
    assert [key.get_secret_value()[-1] for key in settings.secret_keys_old] == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "80a", "must be a number"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("SENDS_PER_SECOND", "-1", "greater than or equal to 0"),
        ("MAX_UNSENT_BYTES", "100", "at least 65536"),
        ("ACCESS_TOKEN_MINUTES", "0", "greater than or equal to 1"),
        ("REGISTRATION", "maybe", "must be 'open' or 'closed'"),
        ("ENVIRONMENT", "staging", "'development' or 'production'"),
        ("DOCS", "sometimes", "must be on or off"),
        ("ALLOWED_ORIGINS", "*", "must be origins"),
        ("ALLOWED_ORIGINS", "https://*.example.org", "* is not supported"),
        ("ALLOWED_ORIGINS", "https://example.org/path", "nothing after them"),
        ("ALLOWED_ORIGINS", "null", "must be origins"),
        ("METRICS_TOKEN", "short", "openssl rand -hex 32"),
        ("METRICS_ALLOWED_IPS", "prometheus.example.org", "must be IP addresses"),
        ("METRICS_ALLOWED_IPS", "10.0.0.1/8", "must be IP addresses"),
        ("REDIS_URL", "localhost:6379", "redis://host:6379/0"),
        ("DATABASE_URL", "mysql://localhost/chat", "postgresql://user@host/name"),
        ("SECRET_KEY", "short", "openssl rand -hex 32"),
        ("NOTIFY_DATABASE_URL", "mysql://localhost/chat", "postgresql://user@host/name"),
        ("NOTIFY_DATABASE_URL", "postgresql://db/chat", "same PostgreSQL database"),
    ],
)
def test_an_invalid_setting_is_one_line(name: str, value: str, expected: str) -> None:
    message = _refusal(**{name: value})

    assert message.startswith(f"{name}: ")
    assert expected in message
    assert "\n" not in message


def test_every_invalid_setting_has_a_line() -> None:
    message = _refusal(PORT="x", LOG_FORMAT="xml")

    assert sorted(line.split(":")[0] for line in message.splitlines()) == ["LOG_FORMAT", "PORT"]


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "SECRET_KEYS_OLD", "DATABASE_URL", "NOTIFY_DATABASE_URL", "REDIS_URL"]
)
def test_a_message_never_contains_the_value(name: str) -> None:
    assert "hunter2" not in _refusal(**{name: "oops://u:hunter2@h/x"})


def test_a_misspelled_name_in_the_env_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REGISTRATON=closed\n")

    with pytest.raises(SettingsError, match="no setting REGISTRATON. Did you mean REGISTRATION"):
        read_settings()


def test_the_env_file_may_serve_other_programs_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=x\nCOMPOSE_PROJECT_NAME=chat\nPORT=81\n")

    assert read_settings().port == 81


def test_an_env_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"HOST=\xff\n")

    with pytest.raises(SettingsError, match="UTF-8"):
        read_settings()


def test_no_secret_is_in_the_repr() -> None:
    settings = Settings(
        secret_key=SecretStr(GOOD),
        secret_keys_old=(SecretStr(GOOD + "1"),),
        database_url="postgresql://ana:hunter2@pooler/chat",
        notify_database_url="postgresql://ana:hunter2@db/chat",
        redis_url="redis://:hunter2@cache/0",
    )

    shown = f"{settings!r} {settings} {settings.database!r}"

    assert GOOD not in shown
    assert "hunter2" not in shown


def test_the_database_is_a_file_in_the_data_directory(tmp_path: Path) -> None:
    settings = Settings(data_dir=Path("somewhere"))

    assert settings.database.path == tmp_path / "somewhere/parley.db"


def test_a_given_database_is_used(tmp_path: Path) -> None:
    assert Settings(database_url="sqlite://").database.in_memory


def test_a_given_secret_is_used() -> None:
    settings = Settings(secret_key=SecretStr(GOOD), environment="production")

    assert resolve_secret(settings).get_secret_value() == GOOD


def test_production_refuses_to_start_without_a_secret(tmp_path: Path) -> None:
    kept = resolve_secret(Settings(data_dir=tmp_path))

    with pytest.raises(SettingsError, match="SECRET_KEY: is missing") as caught:
        resolve_secret(Settings(data_dir=tmp_path, environment="production"))

    assert kept.get_secret_value() not in str(caught.value)


def test_development_stores_the_generated_secret(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new" / "data")

    first, second = resolve_secret(settings), resolve_secret(settings)

    assert first == second
    assert len(first.get_secret_value()) == 64


def test_a_damaged_secret_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("half\n")

    with pytest.raises(SettingsError, match="logs all users out"):
        resolve_secret(Settings(data_dir=tmp_path))

    assert (tmp_path / "secret_key").read_text() == "half\n"


def test_a_data_directory_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("I am a file")

    with pytest.raises(SettingsError, match="Is DATA_DIR correct") as caught:
        resolve_secret(Settings(data_dir=tmp_path / "data"))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["999.1.1.1", "10.0.0.1/8", "proxy", "127.0.0.1;10.0.0.1", "127.0.0.1,1.2.3", "::g"]
)
def test_proxies_that_are_no_addresses_are_refused(value: str) -> None:
    assert "FORWARDED_ALLOW_IPS: must be IP addresses or networks" in _refusal(
        FORWARDED_ALLOW_IPS=value
    )


@pytest.mark.parametrize("value", ["", "*", "127.0.0.1, ::1", "10.0.0.0/8,fd00::/8"])
def test_proxies_are_addresses_and_networks(value: str) -> None:
    assert Settings(forwarded_allow_ips=value).forwarded_allow_ips == value
