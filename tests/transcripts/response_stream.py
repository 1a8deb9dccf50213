"""An HTTP answer that stays open, or is waited for: event streams, exports, long polls."""

from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse

from tests.transcripts import http_client
from tests.transcripts.http_client import Answer
from tests.transcripts.transcript import Transcript


class ResponseStream:
    """
    The answer to a request that has been sent.

    Args:
        record_head: Records a status, headers and None for the body.
        record_answer: Records a whole answer.

    """

    def __init__(
        self,
        connection: HTTPConnection,
        who: str,
        transcript: Transcript,
        record_head: Callable[[int, list[tuple[str, str]], None], None],
        record_answer: Callable[[Answer], None],
    ) -> None:
        self._connection = connection
        self._who = who
        self._transcript = transcript
        self._record_head = record_head
        self._record_answer = record_answer
        self._response: HTTPResponse | None = None

    def read_head(self) -> None:
        """Wait for the head of the answer and record it."""
        response = self._response = self._connection.getresponse()
        self._record_head(response.status, response.getheaders(), None)

    def read_event(self) -> None:
        """Record what comes up to an empty line: one event of an event stream."""
        assert self._response is not None
        while line := self._response.readline().rstrip(b"\n"):
            self._transcript.add(self._who, "<", line.decode())
        self._transcript.add(self._who, "<", "")

    def read_rest(self) -> None:
        """Record everything up to the end of the answer."""
        if self._response is None:
            self._record_answer(http_client.whole(self._connection.getresponse()))
        else:
            for line in self._response.read().decode().splitlines():
                self._transcript.add(self._who, "<", line)
            self._transcript.add(self._who, "<", "(end)")
        self.close()

    def close(self) -> None:
        """Close the connection without waiting for the rest."""
        if self._response is not None:
            self._response.close()
        self._connection.close()
