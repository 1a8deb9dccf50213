"""
The slow path of frames, by websockets: fragments, compression, binary, malformed frames.

The library parses and checks frames one by one. It leaves to its caller, and so to this module,
joining fragments to messages, and checking that texts are UTF-8, which fails at the first fragment
that isn't. Nothing here reads or writes a socket.
"""

import logging
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Iterator, Sequence

from websockets.extensions import Extension
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from ..domain.close_codes import Close
from .control_frames import INVALID_TEXT, Control

_new_decoder = getincrementaldecoder("utf-8")
_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)

log = logging.getLogger("parley.ws")


FrameResult = str | bytes | Control | Close
"""A message; a frame that isn't one; why the connection has failed."""


class FrameSlowPath:
    """
    The slow path of one connection, made when it is first needed and kept.

    Args:
        max_size: Bytes that a message may have, inflated.
        extensions: Those that the handshake agreed on.

    """

    __slots__ = ("_decoder", "_library", "_message")

    def __init__(self, max_size: int, extensions: Sequence[Extension]) -> None:
        self._library = ServerProtocol(state=State.OPEN, max_size=max_size, logger=log)
        self._library.extensions = list(extensions)
        # Of a message in fragments: what has come of it, and its decoder if it is text.
        self._message = bytearray()
        self._decoder: IncrementalDecoder | None = None

    def receive(self, data: bytes) -> Iterator[FrameResult]:
        """
        What ``data`` contains, in order; a :class:`Close` is the last.

        Args:
            data: Whole frames, or a beginning that can't become one.

        """
        self._library.receive_data(data)
        # Drop the library's responses: the caller makes its own from what is yielded.
        self._library.data_to_send()
        for event in self._library.events_received():
            assert isinstance(event, Frame)
            result = self._result_of(event)
            yield result
            if isinstance(result, Close):
                return
        if self._library.parser_exc is not None:
            why = self._library.close_sent
            yield Close(1002, "protocol error") if why is None else Close(why.code, why.reason)

    def close(self) -> None:
        """Break the reference cycle here instead of leaving it to the GC."""
        self._library.parser.close()

    def _result_of(self, frame: Frame) -> FrameResult:
        if frame.opcode not in _DATA:
            return Control(frame.opcode, bytes(frame.data))
        if frame.opcode is not Opcode.CONT:
            self._decoder = _new_decoder() if frame.opcode is Opcode.TEXT else None
        self._message += frame.data
        if self._decoder is not None:
            try:
                self._decoder.decode(bytes(frame.data), frame.fin)
            except UnicodeDecodeError:
                return INVALID_TEXT
        if not frame.fin:
            return Control(Opcode.CONT, b"")
        # Hold no message longer than it takes: there may be one for each connection.
        message, self._message = self._message, bytearray()
        return bytes(message) if self._decoder is None else message.decode()
