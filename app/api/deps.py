"""
The dependencies of endpoints: the services, who is calling, and from where.

All come from the runtime of the app that the request is for. Nothing here opens a transaction:
a service does, and has committed when it returns.
"""

from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection
from fastapi.security import OAuth2PasswordBearer

from ..domain.errors import Forbidden, Unauthorized
from ..domain.ids import UserId
from ..runtime import Runtime
from ..services.accounts.accounts import Accounts
from ..services.accounts.authenticator import Authenticator, Identity
from ..services.accounts.logins import Logins
from ..services.admin.admin_service import AdminService

# Makes Authorize work in Swagger UI, too. The Authenticator checks the token.
_bearer = OAuth2PasswordBearer(
    tokenUrl="/token", refreshUrl="/token", scheme_name="Log-in", auto_error=False
)


async def runtime_of(connection: HTTPConnection) -> Runtime:
    """The runtime that the app's lifespan has opened: :attr:`app.main.App.runtime`."""
    runtime: Runtime = connection.app.state.runtime
    return runtime


BearerToken = Annotated[str | None, Depends(_bearer)]
"""The token in ``Authorization: Bearer``, unchecked."""


RuntimeDep = Annotated[Runtime, Depends(runtime_of)]
"""The parts of this server."""


async def _accounts(runtime: RuntimeDep) -> Accounts:
    return runtime.accounts.accounts


async def _admin_service(runtime: RuntimeDep) -> AdminService:
    return runtime.admin


async def _authenticator(runtime: RuntimeDep) -> Authenticator:
    return runtime.accounts.authenticator


async def _logins(runtime: RuntimeDep) -> Logins:
    return runtime.accounts.logins


AccountsDep = Annotated[Accounts, Depends(_accounts)]
AdminServiceDep = Annotated[AdminService, Depends(_admin_service)]
AuthenticatorDep = Annotated[Authenticator, Depends(_authenticator)]
LoginsDep = Annotated[Logins, Depends(_logins)]


async def _me(token: BearerToken, authenticator: AuthenticatorDep) -> Identity:
    if token is None:
        raise Unauthorized
    return await authenticator.authenticate(token)


Me = Annotated[Identity, Depends(_me)]
"""The caller. Their log-in has been read from the database for this request."""


async def _admin(me: Me) -> Identity:
    if not me.is_admin:
        raise Forbidden("Only administrators may do this.")
    return me


Admin = Annotated[Identity, Depends(_admin)]
"""An administrator."""


async def _admin_or_operator(
    token: BearerToken, authenticator: AuthenticatorDep
) -> Identity | None:
    if token is None:
        raise Unauthorized
    if authenticator.is_operator(token):
        return None
    return await _admin(await authenticator.authenticate(token))


async def _by(who: Annotated[Identity | None, Depends(_admin_or_operator)]) -> UserId | None:
    return None if who is None else who.user


async def _operator(token: BearerToken, authenticator: AuthenticatorDep) -> None:
    if token is None:
        raise Unauthorized
    if not authenticator.is_operator(token):
        await authenticator.authenticate(token)
        raise Forbidden("Only the command line of this installation may do this.")


Operator = Annotated[None, Depends(_operator)]
"""The command line of this installation: no user, administrators included."""


By = Annotated[UserId | None, Depends(_by)]
"""The calling administrator; None for the command line of this installation."""


async def _address(connection: HTTPConnection) -> str:
    # With a trusted proxy, uvicorn has put in the address that it forwards.
    return "" if connection.client is None else connection.client.host


Address = Annotated[str, Depends(_address)]
"""Where the request came from."""


async def _user_agent(connection: HTTPConnection) -> str:
    return connection.headers.get("user-agent", "")


UserAgent = Annotated[str, Depends(_user_agent)]
"""The client's name for itself."""
