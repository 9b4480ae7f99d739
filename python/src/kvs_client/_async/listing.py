"""A listing, which fetches its pages as it goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._core.listing import ListingCalls
    from .connection import AsyncConnection

E = TypeVar("E")


class AsyncListing(AsyncIterator[E]):
    """The entries of a listing, page by page."""

    def __init__(self, connection: AsyncConnection, calls: ListingCalls) -> None:
        self._connection = connection
        self._calls = calls
        self._entries: AsyncIterator[E] = self._all()
        self.feed: str | None = None
        """Where the feed tells everything that is later than the listing; known when the first page is fetched.

        `None` before that, and if the server runs without a log. What has changed while the pages were fetched may be
        in the listing, and the feed tells it too: who applies all of it has the present state in the end.
        """

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        return await self._entries.__anext__()

    async def _all(self) -> AsyncIterator[E]:
        cursor = None
        while True:
            page = await self._connection.run(self._calls.page(cursor))
            if cursor is None:
                self.feed = page.feed
            for entry in page.entries:
                yield entry
            cursor = page.next
            if cursor is None:
                return
