"""The client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import httpx

from .._core.batch import Operations
from .._core.feed import FeedCalls
from .._core.listing import ListingCalls
from .._core.settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT, DEFAULT_URL, Settings, ssl_context
from .._core.values import FLOAT, INT, STR, UINT
from .batch import AsyncBatchBlock
from .connection import AsyncConnection
from .counters import AsyncCounters
from .entries import AsyncEntries
from .feed import DEFAULT_SILENCE, AsyncFeed
from .listing import AsyncListing
from .maps import AsyncMaps
from .sets import AsyncSets

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from .._core.settings import Cert, Verify
    from .._core.values import Value
    from .._results import Entry, Listed


class AsyncClient:
    """A client of a KVS server. It holds connections: use it as a context manager, or close it.

    - `token`: sent as `Authorization: Bearer`.
    - `timeout`: seconds, for each step of a request (to connect, to send, to receive), or an `httpx.Timeout`. After it,
      a write has an unknown outcome. The server itself gives up after its `--log-timeout`, 60 s by default.
    - `verify`, `cert`: for TLS. The file of a CA or an `ssl.SSLContext`; the files of a client certificate and its key.
    - `retries`: how many more attempts a request may have. Reads are repeated if the connection breaks. Any request is
      if no connection can be made, or if the server says that it cannot be carried out now and nothing has happened.
      A write that may have happened is, too, as it has an idempotency key: the server carries it out once.
    - `idempotency`: whether each write has an idempotency key, which the server keeps for ten minutes or as it is set.
      Without it, a write that may have happened is never repeated.
    - `transport`: of httpx, in place of the usual one.
    - `http_client`: of httpx, in place of one that is made here. It keeps its own timeouts and certificates, and is not
      closed.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        timeout: float | httpx.Timeout | None = DEFAULT_TIMEOUT,
        verify: Verify = True,
        cert: Cert | None = None,
        retries: int = DEFAULT_RETRIES,
        idempotency: bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        settings = Settings.of(base_url, token, retries, idempotency=idempotency)
        self._is_owner = http_client is None
        if http_client is None:
            context = ssl_context(verify, cert)
            http_client = httpx.AsyncClient(timeout=timeout, verify=context, transport=transport)
        self._connection = AsyncConnection(settings, http_client)
        self.ints = AsyncCounters(self._connection, INT)
        self.uints = AsyncCounters(self._connection, UINT)
        self.floats = AsyncEntries(self._connection, FLOAT)
        self.strs = AsyncEntries(self._connection, STR)
        self.maps = AsyncMaps(self._connection)
        self.sets = AsyncSets(self._connection)

    @overload
    def keys(
        self,
        prefix: str = "",
        *,
        values: Literal[False] = False,
        page_size: int | None = None,
        min_token: str | None = None,
    ) -> AsyncListing[Listed]: ...

    @overload
    def keys(
        self,
        prefix: str = "",
        *,
        values: Literal[True],
        page_size: int | None = None,
        min_token: str | None = None,
    ) -> AsyncListing[Entry[Value]]: ...

    def keys(
        self,
        prefix: str = "",
        *,
        values: bool = False,
        page_size: int | None = None,
        min_token: str | None = None,
    ) -> AsyncListing[Any]:
        """The entries of all types whose keys begin so, as the `list` of one type returns its own."""
        return AsyncListing(self._connection, ListingCalls(None, prefix, values, page_size, min_token))

    def batch(self, *, atomic: bool = True, durable: bool = False, min_token: str | None = None) -> AsyncBatchBlock:
        """A batch, which is carried out when its block ends, unless an exception ends it.

        If it is atomic, all of it happens or nothing, and an operation that fails raises its error from the block. If
        not, each operation is by itself, and its `Pending` raises its error.
        """
        return AsyncBatchBlock(self._connection, Operations(atomic=atomic, durable=durable, min_token=min_token))

    def feed(
        self,
        after: str | None = None,
        *,
        type: str | None = None,
        prefix: str = "",
        values: bool = False,
        bookmarks: bool = False,
        wait: bool = True,
        silence: float = DEFAULT_SILENCE,
    ) -> AsyncFeed:
        """Every change of entries after a place, step by step, as it becomes durable.

        Steps and not changes, so that what happened together is handled together: store the token of a step with what
        you have made of its changes, and each change counts once.

        - `after`: the `token` of a step, the `feed` of a listing, or the `token` of a place. Without it: from now on.
        - `type`, `prefix`: only changes of entries of this type, of keys that begin so.
        - `values`: with the values of puts and increments, and with what patches have changed.
        - `bookmarks`: also steps without changes, when everything up to now was told, and at least every 10 s.
        - `wait`: whether to go on when everything up to now was told. Without it, the iteration ends there.
        - `silence`: seconds after which a connection that says nothing is taken for dead. The server says something
          every 10 s.
        """
        calls = FeedCalls(type, prefix, values=values, waits=wait)
        return AsyncFeed(self._connection, calls, after, silence, bookmarks=bookmarks)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._is_owner:
            await self._connection.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
