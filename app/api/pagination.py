"""
Cursor pagination: ``?after=<cursor>&limit=``, answered as ``{"<plural>": […], "next": …}``.

A cursor is opaque to clients. It holds the name of its list, the key of the last row of the page
and the epoch: in another history, the same key stands elsewhere. The next page is a range read
from that key (keyset pagination), so no page costs more than the first.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple, TypeVar

import orjson
from fastapi import Depends, Query

from ..domain.errors import Invalid
from ..domain.limits import DEFAULT_PAGE, MAX_PAGE
from .deps import RuntimeDep

# Our cursors are below 100 characters; a longer one is not ours.
_MAX_CURSOR_CHARACTERS = 300

Row = TypeVar("Row")
Key = TypeVar("Key", str, int)


class PageRequest(NamedTuple):
    """The part of a list that a request asks for."""

    after: str | None
    limit: int
    epoch: str
    """Of this history."""

    def key(self, kind: str, of: type[Key]) -> Key | None:
        """
        The key of the last row that the client has; None for the first page.

        Args:
            kind: The name of the list.

        Raises:
            Invalid: If the cursor does not belong to this list, or to another history.

        """
        if self.after is None:
            return None
        try:
            whose, key, epoch = orjson.loads(urlsafe_b64decode(self.after.encode("ascii")))
        except (ValueError, TypeError):
            whose = key = epoch = None
        if whose != kind or type(key) is not of:
            raise Invalid.field("after", "is not a cursor of this list")
        if epoch != self.epoch:
            raise Invalid.field("after", "is a cursor of another history; start again")
        return key

    def cut(
        self, kind: str, rows: Sequence[Row], key: Callable[[Row], str | int]
    ) -> tuple[Sequence[Row], str | None]:
        """Cut ``rows``, read with ``limit + 1``, to the page; also returns its ``next``."""
        shown = rows[: self.limit]
        if len(rows) <= self.limit:
            return shown, None
        cursor = orjson.dumps([kind, key(shown[-1]), self.epoch])
        return shown, urlsafe_b64encode(cursor).decode()


async def _page(
    runtime: RuntimeDep,
    after: Annotated[
        str | None,
        Query(max_length=_MAX_CURSOR_CHARACTERS, description="`next` of the previous page."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE,
) -> PageRequest:
    return PageRequest(after, limit, runtime.log.epoch.name)


PageDep = Annotated[PageRequest, Depends(_page)]
