"""A copy of all entries whose keys begin so, in memory: a listing first, then the feed."""

from __future__ import annotations

import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from kvs_client import Client, Gone, Value

if TYPE_CHECKING:
    from types import TracebackType

    from kvs_client import Change, Feed

DEADLINE = 30.0
STOCK = 10


@dataclass(frozen=True)
class Cached:
    """An entry as the cache knows it."""

    value: Value
    etag: str
    expires_at: datetime | None


Entries = dict[tuple[str, str], Cached]


class Cache:
    """Follows the feed in a thread of its own. `get` asks nobody."""

    def __init__(self, client: Client, prefix: str) -> None:
        self.client = client
        self.prefix = prefix
        self.entries: Entries = {}
        self.place = ""
        self.news = threading.Condition()
        self.feed: Feed | None = None
        self.is_closed = False
        self.pool = ThreadPoolExecutor(1)
        self.thread = self.pool.submit(self.run)

    def get(self, of: str, key: str) -> Value | None:
        """The value, which must not be changed; `None` if there is no such entry."""
        with self.news:
            cached = self.entries.get((of, key))
        # The feed tells that an entry has expired a little later.
        if cached is None or (cached.expires_at and cached.expires_at <= datetime.now(timezone.utc)):
            return None
        return cached.value

    def run(self) -> None:
        """Follow until the cache is closed; begin anew if the feed cannot go on."""
        while not self.is_closed:
            with suppress(Gone):
                self.follow()

    def follow(self) -> None:
        listing = self.client.keys(self.prefix, values=True, page_size=1000)
        entries = {(entry.type, entry.key): Cached(entry.value, entry.etag, entry.expires_at) for entry in listing}
        is_current = False
        # Bookmarks also say that it has caught up: from then on the entries are those of one moment.
        with self.client.feed(listing.feed, prefix=self.prefix, values=True, bookmarks=True) as feed:
            self.feed = feed
            if self.is_closed:
                return
            for step in feed:
                is_current |= not step.changes
                with self.news:
                    # All changes of a step at once: nobody sees half of a batch.
                    for change in step.changes:
                        apply(entries, change)
                    if is_current:
                        self.entries, self.place = entries, step.token
                        self.news.notify_all()

    def close(self) -> None:
        self.is_closed = True
        if self.feed is not None:
            self.feed.close()
        self.pool.shutdown()
        self.thread.result()

    def __enter__(self) -> Cache:
        with self.news:
            self.news.wait_for(lambda: self.place or self.thread.done(), DEADLINE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def apply(entries: Entries, change: Change) -> None:
    before = entries.get((change.type, change.key))
    value = change.apply(before.value if before else None)
    if value is None or change.etag is None:
        entries.pop((change.type, change.key), None)
    else:
        entries[change.type, change.key] = Cached(value, change.etag, change.expires_at)


def main() -> None:
    with Client(os.environ.get("KVS_URL", "http://127.0.0.1:8080")) as client:
        prefix = f"cache_{uuid.uuid4().hex}_"
        client.ints.put(f"{prefix}stock", STOCK)
        client.maps.put(f"{prefix}user", {"name": "Ada", "born": "1815"})
        with Cache(client, prefix) as cache:
            assert cache.get("int", f"{prefix}stock") == STOCK

            with client.batch() as batch:
                batch.ints.incr(f"{prefix}stock", -1)
                batch.maps.patch(f"{prefix}user", {"born": None, "city": "London"})
                batch.sets.add(f"{prefix}orders", "order 1")
                batch.strs.put(f"{prefix}code", "1234", ttl=3600)
            client.strs.delete(f"{prefix}code")

            with cache.news:
                assert cache.news.wait_for(lambda: ("set", f"{prefix}orders") in cache.entries, DEADLINE)
                assert cache.get("int", f"{prefix}stock") == STOCK - 1, "a batch comes whole"
            with cache.news:
                assert cache.news.wait_for(lambda: ("str", f"{prefix}code") not in cache.entries, DEADLINE)
                cached = {key: entry.value for key, entry in cache.entries.items()}
                etags = {key: entry.etag for key, entry in cache.entries.items()}
        listed = list(client.keys(prefix, values=True))
        assert cached == {(entry.type, entry.key): entry.value for entry in listed}
        assert etags == {(entry.type, entry.key): entry.etag for entry in listed}
        print(f"the cache has followed: {len(cached)} entries, as the server has them")


if __name__ == "__main__":
    main()
