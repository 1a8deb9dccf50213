"""Blocked users, who can't reach the caller in a direct room."""

from typing import Annotated

from fastapi import APIRouter, Depends

from ..domain.clock import iso
from ..domain.errors import Conflict, Invalid, UserNotFound
from ..services.accounts.blocks import Blocks
from ..store.blocks import Block
from ..wire.room_answers import BlockAnswer, BlocksAnswer
from .deps import Me, RuntimeDep
from .pagination import PageDep
from .responses import AUTHENTICATED, errors
from .rooms import Username
from .strict import StrictRoute

router = APIRouter(prefix="/users/me/blocks", tags=["Users"], route_class=StrictRoute)


async def _blocks(runtime: RuntimeDep) -> Blocks:
    return runtime.accounts.blocks


BlocksDep = Annotated[Blocks, Depends(_blocks)]


@router.get(
    "",
    operation_id="listBlocks",
    summary="List blocked users",
    responses=errors(*AUTHENTICATED, Invalid),
)
async def list_blocks(me: Me, blocks: BlocksDep, page: PageDep) -> BlocksAnswer:
    """List the users that you have blocked, by name."""
    after = page.key("blocks", str) or ""
    found = await blocks.page(me.user, after=after, limit=page.limit + 1)
    shown, following = page.cut("blocks", found, lambda block: block.user)
    return BlocksAnswer(blocks=[_block(block) for block in shown], next=following)


@router.put(
    "/{username}",
    operation_id="block",
    summary="Block a user",
    responses=errors(*AUTHENTICATED, UserNotFound, Conflict, Invalid),
)
async def block(username: Username, me: Me, blocks: BlocksDep) -> BlockAnswer:
    """
    Block a user: they can neither open nor write in the direct room with you, nor add you to a
    room or mention you. Neither of you sees when the other types, reads or is online.
    """
    return _block(await blocks.block(me.user, username))


@router.delete(
    "/{username}",
    status_code=204,
    operation_id="unblock",
    summary="Unblock a user",
    responses=errors(*AUTHENTICATED, UserNotFound, Invalid),
)
async def unblock(username: Username, me: Me, blocks: BlocksDep) -> None:
    """Let a blocked user write to you again."""
    await blocks.unblock(me.user, username)


def _block(block: Block) -> BlockAnswer:
    return BlockAnswer(user=block.user, display_name=block.display_name, blocked_at=iso(block.at))
