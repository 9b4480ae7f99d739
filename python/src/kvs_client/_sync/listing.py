# Made by tools/unasync.py from _async/listing.py; do not edit.
"""A listing, which fetches its pages as it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._core.listing import ListingCalls
    from .connection import Connection

E = TypeVar("E")


class Listing(Iterator[E]):
    """The entries of a listing, page by page."""

    def __init__(self, connection: Connection, calls: ListingCalls) -> None:
        self._connection = connection
        self._calls = calls
        self._entries: Iterator[E] = self._all()
        self.feed: str | None = None
        """Where the feed tells everything that is later than the listing; known when the first page is fetched.

        `None` before that, and if the server runs without a log. What has changed while the pages were fetched may be
        in the listing, and the feed tells it too: who applies all of it has the present state in the end.
        """

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> E:
        return self._entries.__next__()

    def _all(self) -> Iterator[E]:
        cursor = None
        while True:
            page = self._connection.run(self._calls.page(cursor))
            if cursor is None:
                self.feed = page.feed
            for entry in page.entries:
                yield entry
            cursor = page.next
            if cursor is None:
                return
