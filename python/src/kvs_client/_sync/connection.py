# Made by tools/unasync.py from _async/connection.py; do not edit.
"""Carries out calls."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from .._core.retry import Attempts
from .._errors import KvsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._core.call import Call
    from .._core.listing import Listing
    from .._core.settings import Settings

T = TypeVar("T")


class Connection:
    """Carries out calls over an httpx client."""

    def __init__(self, settings: Settings, http: httpx.Client) -> None:
        self._settings = settings
        self.http = http

    def run(self, call: Call[T]) -> T:
        """The result of a call, after as many attempts as it may have."""
        attempts = Attempts(call.with_key() if self._settings.idempotency else call, self._settings.retries)
        while True:
            try:
                return attempts.call.read(self._send(attempts.call))
            except (KvsError, httpx.RequestError, httpx.InvalidURL) as error:
                time.sleep(attempts.pause(error))

    def pages(self, listing: Listing) -> Iterator[Any]:
        """The entries of a listing, page by page."""
        cursor = None
        while True:
            page = self.run(listing.page(cursor))
            for entry in page.entries:
                yield entry
            cursor = page.next
            if cursor is None:
                return

    def _send(self, call: Call[Any]) -> httpx.Response:
        return self.http.request(
            call.method,
            self._settings.url(call),
            headers={**self._settings.headers, **call.headers},
            content=call.content,
            follow_redirects=False,
        )
