"""
Settings of the server. The only module that reads the environment.

Settings are environment variables or lines of ``.env``; ``.env.example`` documents each. They are
read once at start and passed down as plain values. An invalid value is refused with a sentence,
never corrected. Secrets appear in no message and no repr.
"""

import difflib
import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic import model_validator as validate_model
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ..domain.connection_limits import MAX_FRAME_BYTES
from ..domain.origins import normalized_origin
from ..domain.server_limits import MAX_WORKERS
from .database_url import DatabaseUrl
from .secret_key import MissingSecret, check_secret, load_or_create_secret


class SettingsError(Exception):
    """Settings are invalid. The text is for the operator: one line per setting."""


def _split(value: object) -> object:
    """Split a list in a variable: values separated by commas, or empty."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _strong(secret: SecretStr) -> SecretStr:
    check_secret(secret.get_secret_value())
    return secret


def _origin(value: str) -> str:
    if "*" in value:
        raise ValueError("must be origins, each in full: * is not supported")
    try:
        # People copy addresses from a browser, with a slash.
        return normalized_origin(value.removesuffix("/"))
    except ValueError as exc:
        raise ValueError(
            f"must be origins such as https://chat.example.org or capacitor://localhost, "
            f"with nothing after them: one {exc}"
        ) from None


def _network(value: str) -> str:
    try:
        ip_network(value)
    except ValueError:
        raise ValueError(
            "must be IP addresses or networks such as 10.0.0.0/8, separated by commas: "
            f"not {value!r}"
        ) from None
    return value


def _proxies(value: str) -> str:
    """Addresses and networks; uvicorn would take anything else for a name, and trust no one."""
    for one in filter(None, (part.strip() for part in value.split(","))):
        try:
            if one != "*":
                ip_network(one)
        except ValueError:
            raise ValueError(
                "must be IP addresses or networks such as 10.0.0.0/8, separated by commas, or *: "
                f"not {one!r}"
            ) from None
    return value


def _redis_url(value: str) -> str:
    if value and urlsplit(value).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must look like redis://host:6379/0, or be empty")
    return value


def _database_url(value: str) -> str:
    if value:
        DatabaseUrl.parse(value)
    return value


Secret = Annotated[SecretStr, AfterValidator(_strong)]
Origin = Annotated[str, AfterValidator(_origin)]
Network = Annotated[str, AfterValidator(_network)]
# A limit that operators change. 0 means no limit.
Limit = Annotated[int, Field(ge=0, le=1_000_000_000)]


class Settings(BaseModel):
    """
    Every setting with its default; ``.env.example`` describes each. Immutable.

    Created from its arguments alone: the environment and ``.env``, which may belong to a host
    application, are read only by :func:`read_settings`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    # Server

    environment: Annotated[Literal["development", "production"], BeforeValidator(_lower)] = (
        "development"
    )
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    workers: int = Field(default=1, ge=1, le=MAX_WORKERS)
    data_dir: Path = Path("data")
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(default="", repr=False)
    notify_database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        default="", repr=False
    )
    redis_url: Annotated[str, AfterValidator(_redis_url)] = Field(default="", repr=False)
    forwarded_allow_ips: Annotated[str, AfterValidator(_proxies)] = "127.0.0.1"
    allowed_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_split)] = ()
    docs: bool = True
    ws_compression: bool = False
    shutdown_seconds: Limit = 10
    traces: bool = False
    metrics_token: Secret | None = None
    metrics_allowed_ips: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split)] = ()

    # Accounts and tokens

    secret_key: Secret | None = None
    secret_keys_old: Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_split)] = ()
    registration: Annotated[Literal["open", "closed"], BeforeValidator(_lower)] = "open"
    access_token_minutes: int = Field(default=15, ge=1, le=24 * 60)
    refresh_token_days: int = Field(default=30, ge=1, le=3_650)

    # Limits

    max_connections_per_user: Limit = 10
    max_unsent_bytes: Limit = 262_144
    sends_per_second: Limit = 10
    send_burst: Limit = 50
    frames_per_second: Limit = 50
    frame_burst: Limit = 200
    failed_logins_per_minute: Limit = 10
    registrations_per_minute: Limit = 20

    # Logs

    log_level: Annotated[
        Literal["critical", "error", "warning", "info", "debug", "trace"], BeforeValidator(_lower)
    ] = "info"
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_lower)] = "text"

    @validate_model(mode="after")
    def _one_event_fits(self) -> Self:
        # Below the size of a frame, a single event could exceed it for every client.
        if 0 < self.max_unsent_bytes < MAX_FRAME_BYTES:
            raise ValueError(f"MAX_UNSENT_BYTES: must be at least {MAX_FRAME_BYTES}, or 0")
        return self

    @validate_model(mode="after")
    def _notifies_on_postgresql(self) -> Self:
        if not self.notify_database_url:
            return self
        if "sqlite" in (self.database.kind, DatabaseUrl.parse(self.notify_database_url).kind):
            raise ValueError(
                "NOTIFY_DATABASE_URL: must be the same PostgreSQL database as DATABASE_URL, "
                "without a pooler between"
            )
        return self

    @property
    def database(self) -> DatabaseUrl:
        """The database: a file in DATA_DIR unless DATABASE_URL says otherwise."""
        if self.database_url:
            return DatabaseUrl.parse(self.database_url)
        return DatabaseUrl.file(self.data_dir / "parley.db")

    @property
    def production(self) -> bool:
        """Whether ``ENVIRONMENT`` is ``production``."""
        return self.environment == "production"


class _Environment(Settings, BaseSettings):
    """The settings as read from the environment and ``.env``."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
    )


def read_settings(**overrides: Any) -> Settings:
    """
    Read the settings from the environment and ``.env``.

    Args:
        overrides: Settings that take precedence over the environment, such as ``port`` from the
            command line. None means not overridden.

    Raises:
        SettingsError: If a value is invalid, or a name in ``.env`` is misspelled.

    """
    try:
        given = {name: value for name, value in overrides.items() if value is not None}
        settings = Settings(**dict(_Environment(**given)))
    except ValidationError as exc:
        raise SettingsError("\n".join(_sentence(error) for error in exc.errors())) from None
    except UnicodeDecodeError:
        raise SettingsError(".env: is not UTF-8. Save it as UTF-8.") from None
    _refuse_misspelled_names(Path(".env"))
    return settings


def resolve_secret(settings: Settings) -> SecretStr:
    """
    Return the key that signs access tokens.

    In development one is generated at the first start and stored in ``DATA_DIR/secret_key`` with
    mode 0600; processes that start at the same time get the same key. In production it has to be
    set.

    Raises:
        SettingsError: If there is none, or the stored one is damaged.

    """
    if settings.secret_key is not None:
        return settings.secret_key
    if settings.production:
        raise SettingsError(
            "SECRET_KEY: is missing, and is not generated in production. "
            "Set it to the output of: openssl rand -hex 32"
        )
    try:
        return SecretStr(load_or_create_secret(settings.data_dir / "secret_key"))
    except (MissingSecret, OSError) as exc:
        raise SettingsError(f"SECRET_KEY: is not set, and {_reason(exc)}") from None


def _reason(exc: Exception) -> str:
    if isinstance(exc, OSError):
        return f"none can be stored in {exc.filename}: {exc.strerror}. Is DATA_DIR correct?"
    return str(exc)


def _sentence(error: Any) -> str:
    """One line: the variable, what is wrong with it, what is allowed. Never its value."""
    name = str(error["loc"][0]).upper() if error["loc"] else ""
    what = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    what = what.replace("a valid boolean", "on or off").replace("a valid integer", "a number")
    what = re.sub(r", unable to .*", "", what).rstrip(".")
    return f"{name}: {what}. See .env.example." if name else f"{what}. See .env.example."


def _refuse_misspelled_names(env_file: Path) -> None:
    """
    Refuse a name in ``.env`` that is almost the name of a setting.

    ``REGISTRATON=closed`` would leave registration open. Other unknown names are allowed: other
    programs may read the same file.

    """
    if not env_file.is_file():
        return
    known = [name.upper() for name in Settings.model_fields]
    for name in dotenv_values(env_file, encoding="utf-8"):
        if name.upper() in known or name in os.environ:
            continue
        if close := difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.87):
            raise SettingsError(f".env: there is no setting {name}. Did you mean {close[0]}?")
