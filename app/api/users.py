"""Accounts: register, find users, manage your own account and its sessions."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from ..domain.clock import iso
from ..domain.errors import (
    Forbidden,
    Invalid,
    RateLimited,
    RegistrationClosed,
    Unavailable,
    UsernameTaken,
    UserNotFound,
)
from ..domain.ids import SessionId
from ..domain.limits import MAX_INTEGER
from ..services.accounts.authenticator import Identity
from ..store.sessions import Session
from ..store.users import User
from ..wire.accounts import (
    AccountDeletion,
    MeAnswer,
    MeChanges,
    NewUser,
    SessionAnswer,
    SessionsAnswer,
    UserAnswer,
    UsersAnswer,
)
from .deps import AccountsDep, Address, LoginsDep, Me
from .pagination import PageDep
from .responses import AUTHENTICATED, errors
from .strict import StrictRoute

router = APIRouter(prefix="/users", route_class=StrictRoute)

SessionNumber = Annotated[int, Path(ge=1, le=MAX_INTEGER)]


@router.post(
    "",
    status_code=201,
    tags=["Users"],
    operation_id="register",
    summary="Register",
    responses=errors(RegistrationClosed, UsernameTaken, Invalid, RateLimited, Unavailable),
)
async def register(
    new: NewUser, accounts: AccountsDep, address: Address, response: Response
) -> UserAnswer:
    """Create your own account."""
    user = await accounts.register(new.username, new.password, new.display_name, address)
    response.headers["Location"] = f"/users/{user.username}"
    return _user(user)


@router.get(
    "",
    tags=["Users"],
    operation_id="findUsers",
    summary="Find users",
    responses=errors(*AUTHENTICATED, Invalid),
)
async def find(
    me: Me,
    accounts: AccountsDep,
    page: PageDep,
    q: Annotated[
        str,
        Query(
            max_length=100,
            description="The beginning of the username, or of words of the display name.",
        ),
    ] = "",
) -> UsersAnswer:
    """List users whose username or display name has words that start with those of `q`."""
    after = page.key("users", str) or ""
    found = await accounts.find(q, after=after, limit=page.limit + 1)
    shown, following = page.cut("users", found, lambda user: user.username)
    return UsersAnswer(users=[_user(user) for user in shown], next=following)


@router.get(
    "/me",
    tags=["Users"],
    operation_id="getMe",
    summary="Get your account",
    responses=errors(*AUTHENTICATED),
)
async def get_me(me: Me) -> MeAnswer:
    """Get your own account."""
    return _me(me)


@router.patch(
    "/me",
    tags=["Users"],
    operation_id="updateMe",
    summary="Update your account",
    responses=errors(*AUTHENTICATED, Forbidden, Invalid, RateLimited),
)
async def update_me(
    changes: MeChanges, me: Me, accounts: AccountsDep, address: Address
) -> MeAnswer:
    """Change the given fields. A new password ends all your other sessions."""
    user = await accounts.update_me(me, **changes.model_dump(), address=address)
    return _me(user)


@router.delete(
    "/me",
    status_code=204,
    tags=["Users"],
    operation_id="deleteMe",
    summary="Erase your account",
    responses=errors(*AUTHENTICATED, Forbidden, Invalid, RateLimited),
)
async def delete_me(
    farewell: AccountDeletion, me: Me, accounts: AccountsDep, address: Address
) -> None:
    """Erase your account for good. Your messages stay, by `deleted-<n>`."""
    await accounts.delete_me(me, farewell.password, address)


@router.get(
    "/me/sessions",
    tags=["Log-in"],
    operation_id="listSessions",
    summary="List your sessions",
    responses=errors(*AUTHENTICATED, Invalid),
)
async def list_sessions(me: Me, logins: LoginsDep, page: PageDep) -> SessionsAnswer:
    """List your sessions that have not ended, newest first."""
    before = page.key("sessions", int)
    found = await logins.live(me.user, before=before, limit=page.limit + 1)
    shown, following = page.cut("sessions", found, lambda session: session.id)
    return SessionsAnswer(
        sessions=[_session(session, me.session) for session in shown], next=following
    )


@router.delete(
    "/me/sessions",
    status_code=204,
    tags=["Log-in"],
    operation_id="endAllSessions",
    summary="Log out everywhere",
    responses=errors(*AUTHENTICATED),
)
async def end_all_sessions(me: Me, logins: LoginsDep) -> None:
    """End all your sessions, including this one, and close their connections."""
    await logins.end_all(me.user)


@router.delete(
    "/me/sessions/{id}",
    status_code=204,
    tags=["Log-in"],
    operation_id="endSession",
    summary="Log out one device",
    responses=errors(*AUTHENTICATED, Invalid),
)
async def end_session(id: SessionNumber, me: Me, logins: LoginsDep) -> None:
    """End one of your sessions and close its connections."""
    await logins.end(me.user, SessionId(id))


@router.get(
    "/{username}",
    tags=["Users"],
    operation_id="getUser",
    summary="Get a user",
    responses=errors(*AUTHENTICATED, UserNotFound, Invalid),
)
async def get_user(username: str, me: Me, accounts: AccountsDep) -> UserAnswer:
    """Get a user by name."""
    return _user(await accounts.get(username))


def _user(user: User) -> UserAnswer:
    return UserAnswer(
        username=user.username, display_name=user.display_name, created_at=iso(user.created_at)
    )


def _me(user: User | Identity) -> MeAnswer:
    return MeAnswer(
        username=user.username,
        display_name=user.display_name,
        created_at=iso(user.created_at),
        is_admin=user.is_admin,
    )


def _session(session: Session, current: SessionId) -> SessionAnswer:
    return SessionAnswer(
        id=session.id,
        label=session.label,
        created_at=iso(session.created_at),
        last_used_at=iso(session.last_used_at),
        expires_at=iso(session.expires_at),
        current=session.id == current,
    )
