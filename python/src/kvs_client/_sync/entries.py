# Made by tools/unasync.py from _async/entries.py; do not edit.
"""Entries of a type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from .._core.entries import EntryCalls
from .._core.listing import ListingCalls
from .._core.options import Write
from .listing import Listing

if TYPE_CHECKING:
    from .._core.options import Etags, Ttl
    from .._core.values import ValueType
    from .._results import Entry, Listed, Place, Put, Written
    from .connection import Connection

V = TypeVar("V")


class Entries(Generic[V]):
    """Entries of one type.

    Every write takes `if_match` and `if_none_match`, and raises `ConditionFailed` if they do not hold; and `durable`:
    whether the write is to be on disk before its response, also on a server that is set to `async`.
    """

    def __init__(self, connection: Connection, of: ValueType[V]) -> None:
        self._connection = connection
        self._entries = EntryCalls(of)

    def get(self, key: str, *, min_token: str | None = None) -> V | None:
        """The value; `None` if there is no such entry."""
        return self._connection.run(self._entries.get(key, min_token))

    def entry(self, key: str, *, min_token: str | None = None) -> Entry[V] | None:
        """The value with its etag and expiry; `None` if there is no such entry."""
        return self._connection.run(self._entries.entry(key, min_token))

    def refresh(self, entry: Entry[V]) -> Entry[V] | None:
        """The entry as it is now: the same object if it has not changed. The value is sent only if it has."""
        return self._connection.run(self._entries.refresh(entry))

    def exists(self, key: str, *, min_token: str | None = None) -> bool:
        return self._connection.run(self._entries.exists(key, min_token))

    def put(
        self,
        key: str,
        value: V,
        *,
        ttl: Ttl | None = None,
        if_match: Etags | None = None,
        if_none_match: Etags | None = None,
        durable: bool = False,
    ) -> Put:
        """Replace the value as a whole, and the expiry with it: without `ttl` the entry does not expire."""
        options = Write(if_match, if_none_match, durable)
        return self._connection.run(self._entries.put(key, value, ttl, options))

    def delete(
        self,
        key: str,
        *,
        if_match: Etags | None = None,
        if_none_match: Etags | None = None,
        durable: bool = False,
    ) -> Place | None:
        """Delete the entry; `None` if there was none."""
        options = Write(if_match, if_none_match, durable)
        return self._connection.run(self._entries.delete(key, options))

    def touch(
        self,
        key: str,
        ttl: Ttl | None,
        *,
        if_match: Etags | None = None,
        if_none_match: Etags | None = None,
        durable: bool = False,
    ) -> Written | None:
        """Change the expiry alone (`None`: never); `None` if there is no such entry."""
        options = Write(if_match, if_none_match, durable)
        return self._connection.run(self._entries.touch(key, ttl, options))

    @overload
    def list(
        self,
        prefix: str = "",
        *,
        values: Literal[False] = False,
        page_size: int | None = None,
        min_token: str | None = None,
    ) -> Listing[Listed]: ...

    @overload
    def list(
        self,
        prefix: str = "",
        *,
        values: Literal[True],
        page_size: int | None = None,
        min_token: str | None = None,
    ) -> Listing[Entry[V]]: ...

    def list(
        self,
        prefix: str = "",
        *,
        values: bool = False,
        page_size: int | None = None,
        min_token: str | None = None,
    ) -> Listing[Any]:
        """The entries whose keys begin so, in no particular order, page by page.

        Each entry that is there during the whole listing comes exactly once. Raises `Gone` if the server is started
        anew meanwhile. `feed` is where the feed tells what changes later.
        """
        return Listing(self._connection, ListingCalls(self._entries.of, prefix, values, page_size, min_token))
