"""Frames that RFC 6455 does not allow, or few send."""

from collections.abc import Iterator

from websockets.frames import Frame, Opcode

from tests.crash.bad_input.values import INVALID_UTF8


def bad_frames() -> Iterator[bytes]:
    """What RFC 6455 does not allow, or few send."""
    yield from (bytes((first, 0x80, 0, 0, 0, 0)) for first in range(256))
    yield from (Frame(Opcode.TEXT, bad).serialize(mask=True) for bad in INVALID_UTF8)
    yield from (
        *(
            Frame(Opcode.TEXT, b"{}").serialize(mask=False),
            b"\x81",
            b"\x81\xfe",
            b"\x81\xff\0\0\0\0",
        ),
        *(
            b"\x81\xff" + b"\xff" * 8,
            b"\x81\xff\x7f" + b"\xff" * 7,
            b"\x81\xff" + bytes(7) + b"\x01",
        ),
        *(b"\x81\xfe\0\x01\0\0\0\0a", b"\x81\xfe\xff\xff\0\0\0\0" + b"a" * 70_000),
        Frame(Opcode.TEXT, b"a" * 65_537).serialize(mask=True),
        Frame(Opcode.BINARY, b"{}").serialize(mask=True),
        *(Frame(Opcode.PING, b"a" * size).serialize(mask=True) for size in (0, 125)),
        b"\x89\xfe\0\x7e\0\0\0\0" + b"a" * 126,
        *(b"\x09\x80\0\0\0\0", b"\x88\x81\0\0\0\0a"),
        *(
            b"\x88\x83\0\0\0\0" + code.to_bytes(2) + b"x"
            for code in (
                0,
                999,
                1000,
                1004,
                1005,
                1006,
                1012,
                1015,
                1016,
                2999,
                3000,
                4999,
                5000,
                65535,
            )
        ),
        *(Frame(Opcode.CLOSE, b"\x03\xe8" + bad).serialize(mask=True) for bad in INVALID_UTF8[:6]),
        b"\x01\x81\0\0\0\0{" + b"\x00\x80\0\0\0\0" * 2_000,
        b"\x01\x81\0\0\0\0{" * 2,
        b"\x00\x81\0\0\0\0{",
        b"\x01\x81\0\0\0\0{" + b"\x89\x80\0\0\0\0" * 100 + b"\x80\x81\0\0\0\0}",
        b"\x8a\x80\0\0\0\0" * 5_000,
        b"\x89\x80\0\0\0\0" * 5_000,
        b"\x81\x81\0\0\0\0{" * 5_000,
        Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True) * 3 + b"\x81\x82\0\0\0\0{}" * 10,
    )
