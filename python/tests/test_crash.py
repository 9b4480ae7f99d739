"""Servers that are killed, started again, or full."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from kvs_client import Client, Gone, NotSent, OutcomeUnknown, Unavailable

from .server import DEADLINE, Server

if TYPE_CHECKING:
    from pathlib import Path

THREADS = 4
ENOUGH = 50


def test_an_unknown_outcome_is_never_taken_for_another(tmp_path: Path) -> None:
    enough = threading.Semaphore(0)

    def count_until_it_ends(client: Client) -> tuple[int, int]:
        """How many increments were acknowledged, and how many have an unknown outcome."""
        acknowledged = unknown = 0
        while True:
            try:
                client.ints.incr("count")
                acknowledged += 1
                enough.release()
            except OutcomeUnknown:
                unknown += 1
            except NotSent:
                return acknowledged, unknown

    with Server(tmp_path / "log") as server, Client(server.url) as client, ThreadPoolExecutor(THREADS) as pool:
        counts = [pool.submit(count_until_it_ends, client) for _ in range(THREADS)]
        for _ in range(ENOUGH):
            assert enough.acquire(timeout=DEADLINE)
        server.kill()
        acknowledged, unknown = (sum(numbers) for numbers in zip(*(count.result() for count in counts)))
    with Server(tmp_path / "log") as server, Client(server.url) as client:
        value = client.ints.get("count")
        assert value is not None
        assert acknowledged <= value <= acknowledged + unknown


def test_a_listing_does_not_go_on_after_a_restart(tmp_path: Path) -> None:
    with Server(tmp_path / "log") as server, Client(server.url) as client:
        with client.batch() as batch:
            for number in range(10):
                batch.ints.put(f"key_{number}", number)
        listing = client.ints.list(page_size=1)
        next(listing)
        address = server.url.partition("//")[2]
        server.kill()
        with Server(tmp_path / "log", address=address), pytest.raises(Gone):
            list(listing)
        with Server(tmp_path / "log", address=address):
            assert len(list(client.ints.list(page_size=1))) == 10


def test_a_full_memory_refuses_writes(tmp_path: Path) -> None:
    with Server(tmp_path / "log", "--max-memory", "8MiB") as server, Client(server.url, retries=0) as client:
        with pytest.raises(Unavailable) as caught:
            for number in range(100):
                client.strs.put(f"key_{number}", "x" * 2**20)
        assert caught.value.retry_after == 1.0
        assert caught.value.problem.outcome == "none"
        assert client.strs.exists("key_0")
