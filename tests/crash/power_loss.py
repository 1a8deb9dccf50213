"""
Disks as a power loss may leave them, made from a log of what was written and synced.

Of what was not synced when the power went, anything may be on the disk: nothing, some of the
writes without those before them, or parts of a write. What was synced is there.
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

DATABASE, WAL = 1, 2
# `struct record` of write_log.c.
_RECORD = struct.Struct("<cb6xqq")
_SEQ = re.compile(rb'"seq":(\d+)')
SECTOR_BYTES = 512
"""What a disk writes as a whole."""


class Record(NamedTuple):
    """One thing that happened."""

    kind: bytes
    file: int
    at: int
    data: bytes
    position: int
    """Where it is in the log."""


def read_log(path: Path) -> Iterator[Record]:
    """What happened, in order."""
    log = memoryview(path.read_bytes())
    position = 0
    while position < len(log):
        kind, file, at, length = _RECORD.unpack_from(log, position)
        start = position + _RECORD.size
        yield Record(kind, file, at, bytes(log[start : start + length]), position)
        position = start + length


@dataclass
class _File:
    synced: bytearray = field(default_factory=bytearray)
    pending: list[Record] = field(default_factory=list)
    """Writes and truncations that a power loss may undo."""


Chosen = Callable[[list[Record], Random], list[Record]]
"""Which of the writes that were not synced are on the disk."""


def none(_pending: list[Record], _rng: Random) -> list[Record]:
    """Nothing was written that was not synced."""
    return []


def some(pending: list[Record], rng: Random) -> list[Record]:
    """A half of the writes, whatever their order."""
    return [record for record in pending if rng.random() < 0.5]


def torn(pending: list[Record], rng: Random) -> list[Record]:
    """All up to one, of which there are only some sectors."""
    if not pending:
        return []
    last = rng.randrange(len(pending))
    *whole, part = pending[: last + 1]
    sectors = range(0, len(part.data), SECTOR_BYTES)
    return whole + [
        part._replace(at=part.at + sector, data=part.data[sector : sector + SECTOR_BYTES])
        for sector in sectors
        if rng.random() < 0.5
    ]


class SimulatedDisk:
    """
    The files at each moment of the log.

    Args:
        syncs: Whether a sync of this file does what it says.

    """

    def __init__(self, syncs: Callable[[int], bool] = lambda _: True) -> None:
        self._files = {DATABASE: _File(), WAL: _File()}
        self._syncs = syncs
        self.told = 0
        """The highest seq that a client may have heard of."""

    def apply(self, record: Record) -> None:
        """Let the next thing happen."""
        if record.kind == b"n":
            self.told = max([self.told, *map(int, _SEQ.findall(record.data))])
            return
        file = self._files[record.file]
        match record.kind:
            case b"s" if self._syncs(record.file):
                for write in file.pending:
                    if write.position < record.at:
                        _write(file.synced, write)
                file.pending = [w for w in file.pending if w.position >= record.at]
            case b"d":
                file.synced.clear()
                file.pending.clear()
            case b"w" | b"t":
                file.pending.append(record)

    def lose_power(self, folder: Path, chosen: Chosen, rng: Random) -> Path:
        """Put the files into ``folder`` as they may be after a power loss now."""
        database = folder / "parley.db"
        paths = {DATABASE: database, WAL: folder / "parley.db-wal"}
        for leftover in folder.iterdir():
            leftover.unlink()
        for number, file in self._files.items():
            content = file.synced
            if found := chosen(file.pending, rng):
                content = bytearray(content)
                for write in found:
                    _write(content, write)
            if content:
                paths[number].write_bytes(content)
        return database


def _write(content: bytearray, record: Record) -> None:
    end = record.at + len(record.data)
    if record.kind == b"t" and len(content) > record.at:
        del content[record.at :]
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if record.kind == b"w":
        content[record.at : end] = record.data
