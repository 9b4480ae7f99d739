"""A rate limiter: a counter for each client and window of time, with a maximum, that goes away by itself."""

from __future__ import annotations

import os
import time
import uuid
from datetime import datetime, timezone

from kvs_client import Client, LimitReached


class RateLimiter:
    """At most `limit` requests of each client in a window of so many seconds."""

    def __init__(self, client: Client, name: str, limit: int, window: int) -> None:
        self.client = client
        self.name = name
        self.limit = limit
        self.window = window

    def key(self, who: str, now: float) -> str:
        return f"{self.name}_{who}_{int(now // self.window)}"

    def allows(self, who: str, now: float) -> bool:
        """Count a request. The bound is checked in the same step, so no two requests share the last place."""
        try:
            self.client.uints.incr(self.key(who, now), max=self.limit, ttl=2 * self.window)
        except LimitReached:
            return False
        return True


def main() -> None:
    with Client(os.environ.get("KVS_URL", "http://127.0.0.1:8080")) as client:
        limiter = RateLimiter(client, f"rate_{uuid.uuid4().hex}", limit=3, window=60)
        now = time.time()

        assert [limiter.allows("ada", now) for _ in range(5)] == [True, True, True, False, False]
        assert limiter.allows("grace", now), "another client has a counter of its own"
        assert limiter.allows("ada", now + 60), "so has the next window"

        counter = client.uints.entry(limiter.key("ada", now))
        assert counter is not None
        assert counter.value == limiter.limit
        assert counter.expires_at is not None
        left = (counter.expires_at - datetime.now(timezone.utc)).total_seconds()
        assert left > limiter.window, "the counter outlives its window"
        print(f"ada has used {counter.value} of {limiter.limit}; the counter goes away in {left:.0f} s")


if __name__ == "__main__":
    main()
