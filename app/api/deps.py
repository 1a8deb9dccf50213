"""
What endpoints ask for: who is calling, from where, and the services.

All of it hangs on the runtime that the lifespan put into the request's state. Nothing here
opens a transaction: a service does, and has committed when it returns.
"""

from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection
from fastapi.security import OAuth2PasswordBearer

from app.domain.errors import Forbidden, Unauthorized
from app.domain.ids import UserId
from app.services.accounts.accounts import Accounts
from app.services.accounts.authenticator import Identities, Identity
from app.services.accounts.logins import Logins
from app.services.admin.account_admin import Administration
from app.services.admin.admin_service import Operations

# Also what makes Authorize work in Swagger UI. The check itself is Identities'.
_bearer = OAuth2PasswordBearer(
    tokenUrl="/token", refreshUrl="/token", scheme_name="Log-in", auto_error=False
)

BearerToken = Annotated[str | None, Depends(_bearer)]
"""What came as ``Authorization: Bearer``, unchecked."""


async def _accounts(connection: HTTPConnection) -> Accounts:
    accounts: Accounts = connection.state.runtime.accounts
    return accounts


async def _administration(connection: HTTPConnection) -> Administration:
    administration: Administration = connection.state.runtime.administration
    return administration


async def _logins(connection: HTTPConnection) -> Logins:
    logins: Logins = connection.state.runtime.logins
    return logins


async def _identities(connection: HTTPConnection) -> Identities:
    identities: Identities = connection.state.runtime.identities
    return identities


async def _operations(connection: HTTPConnection) -> Operations:
    operations: Operations = connection.state.runtime.operations
    return operations


AccountsDep = Annotated[Accounts, Depends(_accounts)]
AdministrationDep = Annotated[Administration, Depends(_administration)]
LoginsDep = Annotated[Logins, Depends(_logins)]
IdentitiesDep = Annotated[Identities, Depends(_identities)]
OperationsDep = Annotated[Operations, Depends(_operations)]


async def _me(token: BearerToken, identities: IdentitiesDep) -> Identity:
    if token is None:
        raise Unauthorized
    return await identities.authenticate(token)


Me = Annotated[Identity, Depends(_me)]
"""Whoever calls. Their log-in was read from the database for this request."""


async def _admin(me: Me) -> Identity:
    if not me.is_admin:
        raise Forbidden("Only administrators may do this.")
    return me


Admin = Annotated[Identity, Depends(_admin)]
"""An administrator."""


async def _admin_or_operator(token: BearerToken, identities: IdentitiesDep) -> Identity | None:
    if token is None:
        raise Unauthorized
    if identities.is_operator(token):
        return None
    return await _admin(await identities.authenticate(token))


async def _by(who: Annotated[Identity | None, Depends(_admin_or_operator)]) -> UserId | None:
    return None if who is None else who.user


By = Annotated[UserId | None, Depends(_by)]
"""The administrator who asks; None: the command line of this installation."""


async def _address(connection: HTTPConnection) -> str:
    # uvicorn has put in what a trusted proxy says.
    return "" if connection.client is None else connection.client.host


Address = Annotated[str, Depends(_address)]
"""Where the request came from."""


async def _user_agent(connection: HTTPConnection) -> str:
    return connection.headers.get("user-agent", "")


UserAgent = Annotated[str, Depends(_user_agent)]
"""What the client calls itself."""
