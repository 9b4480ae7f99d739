# Made by tools/unasync.py from _async/client.py; do not edit.
"""The client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import httpx

from .._core.batch import Operations
from .._core.feed import FeedCalls
from .._core.listing import ListingCalls
from .._core.settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT, DEFAULT_URL, Settings, ssl_context
from .._core.values import FLOAT, INT, STR, UINT
from .batch import BatchBlock
from .connection import Connection
from .counters import Counters
from .entries import Entries
from .feed import DEFAULT_SILENCE, Feed
from .listing import Listing
from .maps import Maps
from .sets import Sets

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from .._core.settings import Cert, Verify
    from .._core.values import Value
    from .._results import Entry, Listed


class Client:
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
        transport: httpx.BaseTransport | None = None,
        http_client: httpx.Client | None = None,
    ) -> None:
        settings = Settings.of(base_url, token, retries, idempotency=idempotency)
        self._is_owner = http_client is None
        if http_client is None:
            context = ssl_context(verify, cert)
            http_client = httpx.Client(timeout=timeout, verify=context, transport=transport)
        self._connection = Connection(settings, http_client)
        self.ints = Counters(self._connection, INT)
        self.uints = Counters(self._connection, UINT)
        self.floats = Entries(self._connection, FLOAT)
        self.strs = Entries(self._connection, STR)
        self.maps = Maps(self._connection)
        self.sets = Sets(self._connection)

    @overload
    def keys(
        self,
        prefix: str = "",
        *,
        values: Literal[False] = False,
        page_size: int | None = None,
        min_token: str | None = None,
    ) -> Listing[Listed]: ...

    @overload
    def keys(
        self,
        prefix: str = "",
        *,
        values: Literal[True],
        page_size: int | None = None,
        min_token: str | None = None,
    ) -> Listing[Entry[Value]]: ...

    def keys(
        self,
        prefix: str = "",
        *,
        values: bool = False,
        page_size: int | None = None,
        min_token: str | None = None,
    ) -> Listing[Any]:
        """The entries of all types whose keys begin so, as the `list` of one type returns its own."""
        return Listing(self._connection, ListingCalls(None, prefix, values, page_size, min_token))

    def batch(self, *, atomic: bool = True, durable: bool = False, min_token: str | None = None) -> BatchBlock:
        """A batch, which is carried out when its block ends, unless an exception ends it.

        If it is atomic, all of it happens or nothing, and an operation that fails raises its error from the block. If
        not, each operation is by itself, and its `Pending` raises its error.
        """
        return BatchBlock(self._connection, Operations(atomic=atomic, durable=durable, min_token=min_token))

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
    ) -> Feed:
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
        return Feed(self._connection, calls, after, silence, bookmarks=bookmarks)

    def close(self) -> None:
        """Close the connections."""
        if self._is_owner:
            self._connection.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
