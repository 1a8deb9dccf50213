"""
A scenario: users of one server, everything that they send and receive is recorded.

Each step waits for its answer, so that no order in a transcript depends on timing.
"""

from contextlib import suppress

from tests.transcripts.http_client import send_request
from tests.transcripts.servers import Server
from tests.transcripts.socket_client import SocketClient
from tests.transcripts.transcript import Transcript
from tests.transcripts.user import User

PASSWORD = "correct horse battery"


class Scenario:
    """One recorded conversation with a server."""

    def __init__(self, transcript: Transcript, server: Server) -> None:
        self.transcript = transcript
        self.server = server
        self._sockets: list[SocketClient] = []
        self.anonymous = User("-", "", server.address, transcript, self._sockets)
        """A client that is not logged in."""
        transcript.placeholders.know(server.address, "address")

    def heading(self, text: str) -> None:
        """Start a new part of the transcript."""
        self.transcript.heading(text)

    def user(self, name: str, *, admin: bool = False) -> User:
        """
        Register a user and log them in. Nothing of that is recorded.

        Args:
            admin: Make them an administrator of the installation.

        """
        body = {"username": name, "password": PASSWORD}
        made = send_request(self.server.address, "POST", "/users", json_body=body)
        assert made.status == 201, made.text
        if admin:
            command = self.server.command("user", "admin", name)
            assert command.code == 0, command.err
        return self.log_in(name)

    def log_in(self, name: str) -> User:
        """Log in once more, as on another device. Nothing of that is recorded."""
        form = {"username": name, "password": PASSWORD}
        answer = send_request(self.server.address, "POST", "/token", form=form)
        assert answer.status == 200, answer.text
        token, refresh_token = answer.json["access_token"], answer.json["refresh_token"]
        self.transcript.placeholders.expect(refresh_token, "refresh-token")
        address = self.server.address
        return User(name, token, address, self.transcript, self._sockets, refresh_token)

    def end(self) -> None:
        """Close every socket."""
        for client in self._sockets:
            with suppress(OSError):
                client.websocket.abort()
