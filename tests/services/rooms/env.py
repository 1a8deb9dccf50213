"""The members of a room in the database, and their roles."""

from app.domain.roles import Role
from app.store import members as member_store
from tests.harness.server import Server


async def roles(server: Server, room: str) -> dict[str, Role]:
    """The roles of a room's members, by name."""
    members = await server.database.read(
        lambda c: member_store.page(c, server.room_id(room), after="", limit=50)
    )
    return {member.user: member.role for member in members}


async def set_role(server: Server, room: str, name: str, role: Role) -> None:
    """Change the role of a member, as its owner ana."""
    await server.admit(room, name, by="ana", role=role)
