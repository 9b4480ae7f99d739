"""Carries out calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import httpx

from .._core.retry import pause
from .._errors import KvsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .._core.call import Call
    from .._core.listing import Listing
    from .._core.settings import Settings

T = TypeVar("T")


class AsyncConnection:
    """Carries out calls over an httpx client."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self.http = http

    async def run(self, call: Call[T]) -> T:
        """The result of a call, after as many attempts as it may have."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return call.read(await self._send(call))
            except (KvsError, httpx.RequestError, httpx.InvalidURL) as error:
                await anyio.sleep(pause(call, error, attempt, self._settings.retries))

    async def pages(self, listing: Listing) -> AsyncIterator[Any]:
        """The entries of a listing, page by page."""
        cursor = None
        while True:
            page = await self.run(listing.page(cursor))
            for entry in page.entries:
                yield entry
            cursor = page.next
            if cursor is None:
                return

    async def _send(self, call: Call[Any]) -> httpx.Response:
        return await self.http.request(
            call.method,
            self._settings.url(call),
            headers={**self._settings.headers, **call.headers},
            content=call.content,
            follow_redirects=False,
        )
