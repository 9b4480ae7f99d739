# Made by tools/unasync.py from _async/connection.py; do not edit.
"""Carries out calls."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from .._core.retry import pause
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
        attempt = 0
        while True:
            attempt += 1
            try:
                return call.read(self._send(call))
            except (KvsError, httpx.RequestError, httpx.InvalidURL) as error:
                time.sleep(pause(call, error, attempt, self._settings.retries))

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
