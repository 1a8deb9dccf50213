"""Administration of accounts, the epoch and the audit log: administrators and the command line."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from ..domain.clock import iso
from ..domain.errors import Forbidden, Invalid, UsernameTaken, UserNotFound
from ..services.admin.answers import account_answer
from ..store.audit import Entry
from ..wire.accounts import TokenAnswer
from ..wire.admin import (
    AccountAnswer,
    AccountsAnswer,
    AuditAnswer,
    AuditEntryAnswer,
    EpochAnswer,
    NewAccount,
    PasswordReset,
)
from .deps import AdminServiceDep, By, UserAgent
from .pagination import PageDep
from .responses import AUTHENTICATED, errors
from .strict import StrictRoute

router = APIRouter(prefix="/admin", tags=["Administration"], route_class=StrictRoute)

_DENIED = (*AUTHENTICATED, Forbidden)


@router.get(
    "/users",
    operation_id="adminListUsers",
    summary="List accounts",
    responses=errors(*_DENIED, Invalid),
)
async def list_users(
    _: By,
    admin_service: AdminServiceDep,
    page: PageDep,
    q: Annotated[str, Query(max_length=100, description="Prefix of the username.")] = "",
) -> AccountsAnswer:
    """List all accounts by name, including disabled ones."""
    after = page.key("accounts", str) or ""
    found = await admin_service.users(q, after=after, limit=page.limit + 1)
    shown, following = page.cut("accounts", found, lambda user: user.username)
    return AccountsAnswer(users=[account_answer(user) for user in shown], next=following)


@router.post(
    "/users",
    status_code=201,
    operation_id="adminAddUser",
    summary="Create an account",
    responses=errors(*_DENIED, UsernameTaken, Invalid),
)
async def add_user(
    new: NewAccount, by: By, admin_service: AdminServiceDep, response: Response
) -> AccountAnswer:
    """Create an account, even while registration is closed."""
    user = await admin_service.add_user(
        new.username, new.password, new.display_name, is_admin=new.admin, by=by
    )
    response.headers["Location"] = f"/users/{user.username}"
    return account_answer(user)


@router.put(
    "/users/{username}/password",
    operation_id="adminSetPassword",
    summary="Reset a password",
    responses=errors(*_DENIED, UserNotFound, Invalid),
)
async def set_password(
    username: str, reset: PasswordReset, by: By, admin_service: AdminServiceDep
) -> AccountAnswer:
    """Set a new password. Ends all sessions of the user."""
    return account_answer(await admin_service.set_password(username, reset.password, by))


@router.put(
    "/users/{username}/disabled",
    operation_id="adminDisableUser",
    summary="Disable an account",
    responses=errors(*_DENIED, UserNotFound, Invalid),
)
async def disable(username: str, by: By, admin_service: AdminServiceDep) -> AccountAnswer:
    """Lock a user out: ends all their sessions and closes their connections."""
    return account_answer(await admin_service.disable(username, by))


@router.delete(
    "/users/{username}/disabled",
    status_code=204,
    operation_id="adminEnableUser",
    summary="Enable an account",
    responses=errors(*_DENIED, UserNotFound, Invalid),
)
async def enable(username: str, by: By, admin_service: AdminServiceDep) -> None:
    """Let a disabled user log in again. Sessions that were ended stay ended."""
    await admin_service.enable(username, by)


@router.put(
    "/users/{username}/admin",
    operation_id="adminMakeAdmin",
    summary="Grant administrator rights",
    responses=errors(*_DENIED, UserNotFound, Invalid),
)
async def make_admin(username: str, by: By, admin_service: AdminServiceDep) -> AccountAnswer:
    """Allow a user all endpoints listed here, from their next request on."""
    return account_answer(await admin_service.set_admin(username, True, by))


@router.delete(
    "/users/{username}/admin",
    status_code=204,
    operation_id="adminUnmakeAdmin",
    summary="Withdraw administrator rights",
    responses=errors(*_DENIED, UserNotFound, Invalid),
)
async def unmake_admin(username: str, by: By, admin_service: AdminServiceDep) -> None:
    """Make an administrator an ordinary user, from their next request on."""
    await admin_service.set_admin(username, False, by)


@router.post(
    "/users/{username}/token",
    operation_id="adminLogInAs",
    summary="Log in as a user",
    responses=errors(*_DENIED, UserNotFound, Invalid),
)
async def log_in_as(
    username: str, by: By, admin_service: AdminServiceDep, user_agent: UserAgent
) -> TokenAnswer:
    """Start a session without a password, for a host product that authenticates its users."""
    tokens = await admin_service.log_in_as(username, user_agent, by)
    return TokenAnswer(
        access_token=tokens.access_token,
        expires_in=tokens.expires_in,
        refresh_token=tokens.refresh_token,
    )


@router.delete(
    "/users/{username}",
    status_code=204,
    operation_id="adminEraseUser",
    summary="Erase an account",
    responses=errors(*_DENIED, UserNotFound, Invalid),
)
async def erase(
    username: str,
    by: By,
    admin_service: AdminServiceDep,
    messages: Annotated[
        Literal["keep", "blank"],
        Query(description="What happens to the user's messages: `blank` deletes each of them."),
    ] = "keep",
) -> None:
    """
    Erase an account for good: name, password and sessions. It becomes `deleted-<n>`.

    Closes its connections, ends its memberships, and hands the rooms it owned to others.
    Responds when all of this is done; an interrupted erasure is resumed.
    """
    await admin_service.erase_user(username, blank=messages == "blank", by=by)


@router.get(
    "/audit",
    operation_id="adminListAudit",
    summary="List the audit log",
    responses=errors(*_DENIED, Invalid),
)
async def list_audit(_: By, admin_service: AdminServiceDep, page: PageDep) -> AuditAnswer:
    """List the actions of administrators and of the command line, newest first."""
    before = page.key("audit", int)
    found = await admin_service.audit(before=before, limit=page.limit + 1)
    shown, following = page.cut("audit", found, lambda entry: entry.id)
    return AuditAnswer(entries=[_entry(entry) for entry in shown], next=following)


@router.put(
    "/epoch",
    operation_id="adminNewEpoch",
    summary="Start a new epoch",
    responses=errors(*_DENIED),
)
async def new_epoch(by: By, admin_service: AdminServiceDep) -> EpochAnswer:
    """
    Make all clients drop the state they hold: for a backup that was restored by other means.

    Clients learn of it the next time they join a room.
    """
    return EpochAnswer(epoch=await admin_service.new_epoch(by))


def _entry(entry: Entry) -> AuditEntryAnswer:
    return AuditEntryAnswer(
        at=iso(entry.at),
        by=entry.by,
        action=entry.action,
        target=entry.target,
        data=entry.data,
    )
