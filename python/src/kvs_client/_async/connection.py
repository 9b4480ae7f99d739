"""Carries out calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import httpx

from .._core.retry import Attempts
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
        attempts = Attempts(call.with_key() if self._settings.idempotency else call, self._settings.retries)
        while True:
            try:
                return attempts.call.read(await self._send(attempts.call))
            except (KvsError, httpx.RequestError, httpx.InvalidURL) as error:
                await anyio.sleep(attempts.pause(error))

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
