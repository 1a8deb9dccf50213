"""Accounts and logins over HTTP: the bodies of requests and responses."""

import unicodedata
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ..domain.characters import normalized_password
from ..domain.limits import (
    MAX_DISPLAY_NAME_CHARACTERS,
    MAX_PASSWORD_CHARACTERS,
    MAX_USERNAME_CHARACTERS,
    MIN_PASSWORD_CHARACTERS,
    MIN_USERNAME_CHARACTERS,
)

Username = Annotated[
    str,
    Field(
        min_length=MIN_USERNAME_CHARACTERS,
        max_length=MAX_USERNAME_CHARACTERS,
        description="`a-z 0-9 _ . -`, case-insensitive; can't be changed later.",
        examples=["alice"],
    ),
]


def _normalized_password(value: object) -> object:
    return normalized_password(value) if isinstance(value, str) else value


def _composed(value: object) -> object:
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


# These run first, so that limits count the characters of what is stored.
COMPOSED = BeforeValidator(_composed)

NewPassword = Annotated[
    str,
    Field(
        min_length=MIN_PASSWORD_CHARACTERS,
        max_length=MAX_PASSWORD_CHARACTERS,
        description=(
            "Any characters. Common passwords are refused (`password`, `12345678`, …), and those"
            " with the username in them."
        ),
        examples=["correct horse battery"],
        json_schema_extra={"format": "password"},
    ),
    BeforeValidator(_normalized_password),
]
Password = Annotated[
    str, Field(examples=["correct horse battery"], json_schema_extra={"format": "password"})
]
DisplayName = Annotated[
    str,
    Field(min_length=1, max_length=MAX_DISPLAY_NAME_CHARACTERS, examples=["Alice Liddell"]),
    COMPOSED,
]
Moment = Annotated[str, Field(examples=["2026-11-21T08:00:00.123Z"])]


class Body(BaseModel):
    """Base of request bodies. An unknown field is refused: it is a typo or from a newer client."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NewUser(Body):
    """An account to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "username": "alice",
                "password": "correct horse battery",
                "display_name": "Alice Liddell",
            }
        }
    )

    username: Username
    password: NewPassword
    display_name: DisplayName | None = Field(
        default=None, description="The name that other users see; the username if left out."
    )


class MeChanges(Body):
    """Changes to the caller's account. A field that is left out or null stays unchanged."""

    model_config = ConfigDict(json_schema_extra={"example": {"display_name": "Alice L."}})

    display_name: DisplayName | None = None
    password: NewPassword | None = None
    current_password: Password | None = Field(
        default=None, description="Required with `password`."
    )


class AccountDeletion(Body):
    """The password, to confirm that the account is to be erased."""

    model_config = ConfigDict(json_schema_extra={"example": {"password": "correct horse battery"}})

    password: Password


class TokenForm(BaseModel):
    """The form of `POST /token`: RFC 6749, sections 4.3.2 and 6. Other fields are ignored."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "grant_type": "password",
                "username": "alice",
                "password": "correct horse battery",
            }
        }
    )

    grant_type: str | None = Field(
        default=None,
        description="`password` (also if left out) or `refresh_token`.",
        examples=["password"],
    )
    username: str | None = Field(default=None, examples=["alice"])
    password: Password | None = None
    # Swagger UI fills in "string" where there is no example.
    refresh_token: str | None = Field(default=None, examples=[""])
    scope: str | None = Field(
        default=None,
        description="Ignored: a token allows everything that its user may do.",
        examples=[""],
    )
    client_id: str | None = Field(default=None, description="Ignored.", examples=[""])
    client_secret: str | None = Field(default=None, description="Ignored.", examples=[""])


class TokenAnswer(BaseModel):
    """Tokens: RFC 6749, section 5.1."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int = Field(description="Seconds until the access token expires.", examples=[900])
    refresh_token: str


class UserAnswer(BaseModel):
    """A user, as all users see them."""

    username: str = Field(examples=["alice"])
    display_name: str = Field(examples=["Alice Liddell"])
    created_at: Moment


class MeAnswer(UserAnswer):
    """The caller's own account."""

    is_admin: bool


class UsersAnswer(BaseModel):
    """A page of users."""

    users: list[UserAnswer]
    next: str | None = Field(description="For `after`, to get the next page; null on the last.")


class SessionAnswer(BaseModel):
    """One of the caller's logins."""

    id: int
    label: str = Field(description="From the user agent.", examples=["Mozilla/5.0 (X11; Linux)"])
    created_at: Moment
    last_used_at: Moment
    expires_at: Moment
    current: bool = Field(description="Whether this request used it.")


class SessionsAnswer(BaseModel):
    """A page of logins."""

    sessions: list[SessionAnswer]
    next: str | None = Field(description="For `after`, to get the next page; null on the last.")
