"""Feeds that wait: they are closed, cancelled, and outlive their servers."""

from __future__ import annotations

import gc
import os
import random
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anyio.lowlevel
import pytest

from kvs_client import AsyncClient, Client, KvsError

from .server import DEADLINE, Server, run

if TYPE_CHECKING:
    from pathlib import Path

    from kvs_client import AsyncFeed

    from .conftest import MakeClient

pytestmark = pytest.mark.anyio

ENDS = 20
NOTHING = "a prefix of no key"


async def close_while_it_waits(feed: AsyncFeed) -> None:
    with anyio.fail_after(DEADLINE):
        assert (await feed.__anext__()).changes == ()
        async with anyio.create_task_group() as tasks:

            async def wait() -> None:
                assert not [step async for step in feed if step.changes]

            tasks.start_soon(wait)
            while not feed._turn.locked():  # noqa: SLF001
                await anyio.lowlevel.checkpoint()
            await feed.aclose()
        assert [step async for step in feed] == []


async def test_closing_ends_what_waits(make: MakeClient, url: str) -> None:
    async with make(url) as client:
        for _ in range(20):
            await close_while_it_waits(client.feed(prefix=NOTHING, bookmarks=True))


async def test_closing_ends_what_waits_over_tls(make: MakeClient, tmp_path: Path) -> None:
    run("certs", tmp_path / "tls", "--server-name", "localhost")
    names = {"--server-cert": "server.pem", "--server-key": "server.key"}
    files = [part for flag, name in names.items() for part in (flag, str(tmp_path / "tls" / name))]
    context = ssl.create_default_context(cafile=tmp_path / "tls" / "ca.pem")
    with Server(tmp_path / "log", *files, scheme="https") as server:
        async with make(server.url, verify=context) as client:
            for _ in range(5):
                await close_while_it_waits(client.feed(prefix=NOTHING, bookmarks=True))
            async with client.feed(values=True) as feed:
                await client.ints.put("key", 1)
                assert (await feed.__anext__()).changes[0].value == 1


async def test_closing_ends_a_pause(make: MakeClient, tmp_path: Path) -> None:
    with Server(tmp_path / "log") as server:
        async with make(server.url) as client:
            with anyio.fail_after(DEADLINE):
                feed = client.feed(bookmarks=True)
                await feed.__anext__()
                server.kill()
                async with anyio.create_task_group() as tasks:

                    async def wait() -> None:
                        assert [step async for step in feed] == []

                    tasks.start_soon(wait)
                    while feed.error is None:
                        await anyio.lowlevel.checkpoint()
                    await feed.aclose()


async def test_one_at_a_time(make: MakeClient, url: str) -> None:
    async with make(url) as client, client.feed(prefix=NOTHING) as feed:
        async with anyio.create_task_group() as tasks:

            async def wait() -> None:
                assert [step async for step in feed] == []

            tasks.start_soon(wait)
            while not feed._turn.locked():  # noqa: SLF001
                await anyio.lowlevel.checkpoint()
            with pytest.raises(RuntimeError, match="another"):
                await feed.__anext__()
            await feed.aclose()


# What httpx leaves to the garbage collector: generators, which trio remarks, and on Python 3.9 sockets that were being
# connected.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_cancelled_wait_loses_nothing(url: str, key: str) -> None:
    seed = int(os.environ.get("KVS_SEED", random.randrange(2**32)))
    print(f"KVS_SEED={seed}")
    dice = random.Random(seed)
    count = 200
    async with AsyncClient(url) as client, client.feed(prefix=key, values=True) as feed:
        values: list[Any] = []
        async with anyio.create_task_group() as tasks:

            async def write() -> None:
                for _ in range(count):
                    await client.ints.incr(key)

            tasks.start_soon(write)
            with anyio.fail_after(DEADLINE):
                while len(values) < count:
                    with anyio.move_on_after(dice.random() / 100):
                        values.append((await feed.__anext__()).changes[0].value)
        assert values == list(range(1, count + 1))
    gc.collect()


async def test_the_server_ends_again_and_again(make: MakeClient, tmp_path: Path) -> None:
    seed = int(os.environ.get("KVS_SEED", random.randrange(2**32)))
    print(f"KVS_SEED={seed}")
    dice = random.Random(seed)
    is_over = threading.Event()
    acknowledged = threading.Semaphore(0)

    def write(url: str) -> None:
        """Count, now alone, now in batches, whatever becomes of the server."""
        with Client(url, retries=100) as client:
            while not is_over.is_set():
                try:
                    client.ints.incr("single")
                    with client.batch() as batch:
                        batch.ints.incr("left")
                        batch.strs.put("between", "x" * dice.randrange(2000))
                        batch.ints.incr("right")
                    acknowledged.release()
                except KvsError:
                    pass

    values: dict[str, list[Any]] = {"single": [], "left": [], "right": []}
    servers = [Server(tmp_path / "log")]
    url = servers[0].url
    with ThreadPoolExecutor(1) as pool:
        try:
            async with make(url) as client, client.feed(values=True) as feed:
                writer = pool.submit(write, url)

                async def read() -> None:
                    async for step in feed:
                        keys = [change.key for change in step.changes]
                        assert keys in (["single"], ["left", "between", "right"], ["last"]), keys
                        if keys == ["last"]:
                            return
                        for change in step.changes:
                            if change.key != "between":
                                values[change.key].append(change.value)

                with anyio.fail_after(4 * DEADLINE):
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(read)
                        for _ in range(ENDS):
                            for _ in range(dice.randrange(1, 40)):
                                assert await anyio.to_thread.run_sync(acknowledged.acquire, True, DEADLINE)
                            dice.choice([servers[-1].kill, servers[-1].kill, servers[-1].stop])()
                            servers.append(Server(tmp_path / "log", address=url.partition("//")[2]))
                        is_over.set()
                        await anyio.to_thread.run_sync(writer.result, DEADLINE)
                        await client.ints.put("last", 1)
                for key, counted in values.items():
                    assert counted == list(range(1, len(counted) + 1)), key
                    assert await client.ints.get(key) == len(counted)
                print({key: len(counted) for key, counted in values.items()})
        finally:
            is_over.set()
            servers[-1].kill()
