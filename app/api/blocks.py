"""Blocks: whom one doesn't want to hear from in private."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.api.deps import Me, RuntimeDep
from app.api.pages import PageDep
from app.api.responses import AUTHENTICATED, errors
from app.api.rooms import Username
from app.api.strict import StrictRoute
from app.domain.clock import iso
from app.domain.errors import Conflict, Invalid, UserNotFound
from app.services.accounts.blocks import Blocks
from app.store.blocks import Block
from app.wire.room_bodies import BlockAnswer, BlocksAnswer

router = APIRouter(prefix="/users/me/blocks", tags=["Users"], route_class=StrictRoute)


async def _blocks(runtime: RuntimeDep) -> Blocks:
    return runtime.accounts.blocks


BlocksDep = Annotated[Blocks, Depends(_blocks)]


@router.get(
    "",
    operation_id="listBlocks",
    summary="Whom one has blocked",
    responses=errors(*AUTHENTICATED, Invalid),
)
async def list_blocks(me: Me, blocks: BlocksDep, page: PageDep) -> BlocksAnswer:
    """List whom one has blocked, by name."""
    after = page.key("blocks", str) or ""
    found = await blocks.page(me.user, after=after, limit=page.limit + 1)
    shown, following = page.cut("blocks", found, lambda block: block.user)
    return BlocksAnswer(blocks=[_block(block) for block in shown], next=following)


@router.put(
    "/{username}",
    operation_id="block",
    summary="Block somebody",
    responses=errors(*AUTHENTICATED, UserNotFound, Conflict, Invalid),
)
async def block(username: Username, me: Me, blocks: BlocksDep) -> BlockAnswer:
    """Block somebody: they can neither open nor write in the direct room of the two."""
    return _block(await blocks.block(me.user, username))


@router.delete(
    "/{username}",
    status_code=204,
    operation_id="unblock",
    summary="Block somebody no longer",
    responses=errors(*AUTHENTICATED, UserNotFound, Invalid),
)
async def unblock(username: Username, me: Me, blocks: BlocksDep) -> None:
    """Let somebody write again."""
    await blocks.unblock(me.user, username)


def _block(block: Block) -> BlockAnswer:
    return BlockAnswer(user=block.user, display_name=block.display_name, blocked_at=iso(block.at))
