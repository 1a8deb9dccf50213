"""
The frames of a write-ahead log, and how far it can be read.

The format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import os
import struct
import sys
from array import array
from pathlib import Path
from typing import IO

_HEADER = struct.Struct(">8I")
_FRAME_HEADER_BYTES = 24
_NO_COMMIT = bytes(4)
# The last bit says whether checksums are of big-endian words.
_MAGIC = 0x377F0682
_MASK = 0xFFFFFFFF

_Sums = tuple[int, int]


class Frames:
    """
    What is in the ``-wal`` at ``path``. Blocks; reads all of it, 16 MiB in a third of a second.

    SQLite applies the first :attr:`intact` frames up to the end of a transaction, and ignores the
    others. A transaction is on disk before the next one is written. So if something follows the
    end of a transaction that is not intact, no power cut explains it.

    Args:
        page_size: Of the database, to find the frames if the header is damaged.

    Raises:
        OSError: If it can't be read.

    """

    def __init__(self, path: Path, page_size: int | None) -> None:
        self.page_size = page_size
        self.last = 0
        """The last frame, numbered from 1; 0: there is none that was not yet copied."""
        self.intact = 0
        """How many frames there are before the first one that is damaged or cut off."""
        self._commits: list[int] = []
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
            salts = sums = None
            if len(header) == _HEADER.size:
                magic, _, size, *_, first, second = _HEADER.unpack(header)
                self._swap = bool(magic & 1) != (sys.byteorder == "big")
                if magic & ~1 == _MAGIC and self._add((0, 0), header[:24]) == (first, second):
                    self.page_size, salts, sums = size, header[16:24], (first, second)
                self._read(file, salts, sums)

    @property
    def acknowledged_is_lost(self) -> bool:
        """Whether SQLite will ignore a transaction that was acknowledged."""
        return any(self.intact < commit < self.last for commit in self._commits)

    def _read(self, file: IO[bytes], salts: bytes | None, sums: _Sums | None) -> None:
        """Frames with other salts are of an earlier generation, copied to the database."""
        number = 0
        while len(header := file.read(_FRAME_HEADER_BYTES)) == _FRAME_HEADER_BYTES:
            number += 1
            salts = salts or header[8:16]
            if sums is not None:
                page = file.read(self.page_size or 0)
                sums = self._add(self._add(sums, header[:8]), page)
                if header[8:16] != salts or header[16:] != struct.pack(">2I", *sums):
                    sums = None
                else:
                    self.intact = number
            else:
                # An empty database has no page size; one frame is enough to know then.
                file.seek(self.page_size or 1 << 32, os.SEEK_CUR)
            if header[8:16] == salts:
                self.last = number
                if header[4:8] != _NO_COMMIT:
                    self._commits.append(number)

    def _add(self, sums: _Sums, content: bytes) -> _Sums:
        words = array("I", content[: len(content) & ~7])
        if self._swap:
            words.byteswap()
        first, second = sums
        pairs = iter(words)
        for one, other in zip(pairs, pairs, strict=True):
            first = (first + one + second) & _MASK
            second = (second + other + first) & _MASK
        return first, second
