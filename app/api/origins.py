"""Which pages of other origins may call the API, and read what it answers (CORS)."""

from collections.abc import Collection
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from ..domain.origins import is_allowed

# What a page may read besides the few headers that every page may. Each is promised in the docs.
EXPOSED_HEADERS: Final = (
    "Allow",
    "Content-Disposition",
    "ETag",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-Id",
)


class Origins(CORSMiddleware):
    """
    Starlette's, with origins compared as RFC 6454 has it.

    Args:
        allowed: Normalized origins.

    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        super().__init__(
            app,
            allow_origins=list(allowed),
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=EXPOSED_HEADERS,
        )
        self._allowed = allowed

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether a page of ``origin`` may read the answer."""
        return is_allowed(origin, self._allowed)
