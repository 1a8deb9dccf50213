"""Tokens: log in, refresh, log out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request

from ..domain.errors import BadRequest, Invalid, InvalidGrant, RateLimited, Unavailable
from ..services.accounts.logins import Tokens
from ..wire.accounts import TokenAnswer, TokenForm
from .deps import Address, LoginsDep, UserAgent
from .responses import errors
from .strict import StrictRoute

router = APIRouter(prefix="/token", tags=["Log-in"], route_class=StrictRoute)


@router.post(
    "",
    operation_id="logIn",
    summary="Log in, or refresh",
    responses=errors(BadRequest, InvalidGrant, Invalid, RateLimited, Unavailable),
)
async def token(
    request: Request,
    form: Annotated[TokenForm, Form()],
    logins: LoginsDep,
    user_agent: UserAgent,
    address: Address,
) -> TokenAnswer:
    """
    Exchange a username and password, or a refresh token, for tokens.

    A refresh token can be exchanged once; presenting it again later ends its session.
    """
    await _refuse_repeated_fields(request)
    if form.grant_type in (None, "password"):
        username = _required("username", form.username)
        password = _required("password", form.password)
        return _answer(await logins.log_in(username, password, user_agent, address))
    if form.grant_type == "refresh_token":
        refresh_token = _required("refresh_token", form.refresh_token)
        return _answer(await logins.refresh(refresh_token))
    raise BadRequest("unsupported_grant_type: grant_type is password or refresh_token.")


@router.post(
    "/revoke",
    operation_id="revokeToken",
    summary="Log out",
    responses=errors(BadRequest, Invalid, Unavailable),
)
async def revoke(
    request: Request,
    token: Annotated[str, Form(description="An access token or a refresh token.")],
    logins: LoginsDep,
    token_type_hint: Annotated[
        str | None, Form(description="Ignored: the server tells them apart.")
    ] = None,
) -> dict[str, str]:
    """End the session of a token. An invalid token is answered with 200 as well (RFC 7009)."""
    await _refuse_repeated_fields(request)
    await logins.revoke(token)
    return {}


async def _refuse_repeated_fields(request: Request) -> None:
    # RFC 6749, section 3.2: a parameter must not be repeated. FastAPI has parsed and cached
    # the form, so this reads nothing.
    names = [name for name, _ in (await request.form()).multi_items()]
    if len(names) != len(set(names)):
        raise BadRequest("A form field is given more than once.")


def _required(name: str, value: str | None) -> str:
    if value is None:
        raise Invalid.field(name, "is missing", kind="missing")
    return value


def _answer(tokens: Tokens) -> TokenAnswer:
    return TokenAnswer(
        access_token=tokens.access_token,
        expires_in=tokens.expires_in,
        refresh_token=tokens.refresh_token,
    )
