"""``parley chat``: the client and its screen together. Needs the extra ``tui``."""

from ..client import Client
from .chat_app import ChatApp


async def run_chat(client: Client, room: str | None) -> None:
    """
    Open the client and the screen; return when the user quits.

    Raises:
        ParleyError: If the client can't be opened, or ends.

    """
    async with client as chat:
        app = ChatApp(chat, room)
        await app.run_async()
