"""The feed of a real server: what it tells, where it begins and goes on, how it ends."""

from __future__ import annotations

import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from kvs_client import (
    AsyncClient,
    Batch,
    Change,
    Client,
    Forbidden,
    Gone,
    InvalidRequest,
    NoLog,
    NoLongerKept,
    NotSent,
    SetPatch,
    Step,
    Unauthorized,
)

from .server import DEADLINE, Server, run

if TYPE_CHECKING:
    from pathlib import Path

    from kvs_client import AsyncFeed

    from .conftest import MakeClient

pytestmark = pytest.mark.anyio

State = dict[tuple[str, str], Any]


async def here(kvs: AsyncClient) -> str:
    """The present place."""
    async with kvs.feed() as feed:
        assert feed.token
        return feed.token


async def told(kvs: AsyncClient, after: str, **wanted: Any) -> list[Step]:
    """Everything from a place up to now."""
    with anyio.fail_after(DEADLINE):
        async with kvs.feed(after, wait=False, **wanted) as feed:
            return [step async for step in feed]


async def until(feed: AsyncFeed, state: State, last: tuple[str, str]) -> None:
    """Apply what a feed tells until there is an entry of this type and key."""
    with anyio.fail_after(DEADLINE):
        async for step in feed:
            for change in step.changes:
                follow(state, change)
            if last in state:
                return


def follow(state: State, change: Change) -> None:
    value = change.apply(state.get((change.type, change.key)))
    if value is None:
        state.pop((change.type, change.key), None)
    else:
        state[change.type, change.key] = value


async def write_everything(kvs: AsyncClient, key: str) -> None:
    await kvs.ints.put(key, 1, ttl=3600)
    await kvs.ints.incr(key, 2)
    await kvs.uints.put(key, 2**32 - 2)
    await kvs.uints.incr(key)
    await kvs.floats.put(key, -0.5)
    await kvs.strs.put(key, "ü\n\"'🎉")
    await kvs.maps.put(key, {"a": "1", "": "x"})
    await kvs.maps.patch(key, {"a": None, "b": "2"})
    await kvs.maps.put_field(key, "c", "3")
    await kvs.maps.delete_field(key, "c")
    await kvs.sets.put(key, {"a"})
    await kvs.sets.change(key, add=["b", "c"], remove=["a"])
    await kvs.strs.touch(key, 3600)
    await kvs.strs.touch(key, None)
    await kvs.ints.delete(key)


EVERYTHING: list[list[tuple[str, str, Any, Any]]] = [
    [("put", "int", 1, None)],
    [("incr", "int", 3, None)],
    [("put", "uint", 2**32 - 2, None)],
    [("incr", "uint", 2**32 - 1, None)],
    [("put", "float", -0.5, None)],
    [("put", "str", "ü\n\"'🎉", None)],
    [("put", "map", {"a": "1", "": "x"}, None)],
    [("patch", "map", None, {"a": None}), ("patch", "map", None, {"b": "2"})],
    [("patch", "map", None, {"c": "3"})],
    [("patch", "map", None, {"c": None})],
    [("put", "set", {"a"}, None)],
    [("patch", "set", None, SetPatch(added=frozenset("bc"))), ("patch", "set", None, SetPatch(removed=frozenset("a")))],
    [("touch", "str", None, None)],
    [("touch", "str", None, None)],
    [("del", "int", None, None)],
]


async def test_every_operation(kvs: AsyncClient, key: str) -> None:
    begin = await here(kvs)
    await write_everything(kvs, key)
    steps = await told(kvs, begin, prefix=key, values=True)
    assert [[(c.op, c.type, c.value, c.patch) for c in step.changes] for step in steps] == EVERYTHING
    changes = [change for step in steps for change in step.changes]
    assert {change.key for change in changes} == {key}
    now = datetime.now(timezone.utc)
    for change in changes:
        assert abs(now - change.time) < timedelta(minutes=1)
        assert change.removes == (change.op == "del") == (change.etag is None)
    assert [change.expires_at is not None for change in changes[:3]] == [True, True, False]
    assert changes[0].expires_at == changes[1].expires_at
    assert [change.expires_at is not None for change in changes[-3:]] == [True, False, False]
    for of in ("map", "set", "str", "float"):
        entry = await getattr(kvs, f"{of}s").entry(key)
        assert entry.etag == [change for change in changes if change.type == of][-1].etag
    state: State = {}
    for change in changes:
        follow(state, change)
    assert state == {(e.type, e.key): e.value async for e in kvs.keys(key, values=True)}

    bare = await told(kvs, begin, prefix=key)
    assert [[(c.op, c.type) for c in step.changes] for step in bare] == [
        [(op, of) for op, of, _, _ in step] for step in EVERYTHING
    ]
    assert {(c.value, c.patch) for step in bare for c in step.changes} == {(None, None)}
    assert [step.token for step in bare] == [step.token for step in steps]
    with pytest.raises(ValueError, match="values"):
        bare[0].changes[0].apply(None)


async def test_expiry_is_told(kvs: AsyncClient, key: str) -> None:
    with anyio.fail_after(DEADLINE):
        async with kvs.feed(prefix=key, values=True) as feed:
            put = await kvs.sets.put(key, {"a"}, ttl=timedelta(milliseconds=20))
            first, second = [await feed.__anext__() for _ in range(2)]
    assert first.changes[0].expires_at == put.expires_at
    (expire,) = second.changes
    assert (expire.op, expire.type, expire.key, expire.removes) == ("expire", "set", key, True)
    assert put.expires_at
    assert expire.time >= put.expires_at
    assert expire.apply({"a"}) is None


async def test_filters(kvs: AsyncClient, key: str) -> None:
    begin = await here(kvs)
    for name in ("a", "ab", "b", "+ &%ü"):
        await kvs.ints.put(key + name, 1)
        await kvs.strs.put(key + name, "x")

    async def keys(**wanted: Any) -> list[tuple[str, str]]:
        return [(c.type, c.key[len(key) :]) for step in await told(kvs, begin, **wanted) for c in step.changes]

    assert await keys(prefix=key + "a") == [("int", "a"), ("str", "a"), ("int", "ab"), ("str", "ab")]
    assert await keys(prefix=key, type="str") == [("str", "a"), ("str", "ab"), ("str", "b"), ("str", "+ &%ü")]
    assert await keys(prefix=key + "+ &%ü", type="int") == [("int", "+ &%ü")]
    assert await keys(prefix=key + "c") == []
    assert len(await keys(prefix=key)) == 8
    with pytest.raises(ValueError, match="list"):
        kvs.feed(type="list")


async def test_an_atomic_batch_is_one_step(kvs: AsyncClient, key: str) -> None:
    begin = await here(kvs)
    async with kvs.batch() as batch:
        for number in range(1000):
            batch.ints.put(f"{key}{number % 10}", number)
    async with kvs.batch(atomic=False) as batch:
        batch.ints.put(f"{key}x", 1)
        batch.ints.put(f"{key}y", 2)
    one, *others = await told(kvs, begin, values=True, prefix=key)
    assert [change.value for change in one.changes] == list(range(1000))
    assert [[change.value for change in step.changes] for step in others] == [[1], [2]]
    (part,) = await told(kvs, begin, values=True, prefix=f"{key}3")
    assert [change.value for change in part.changes] == list(range(3, 1000, 10))
    assert part.token == one.token
    assert await told(kvs, one.token, prefix=f"{key}3") == []


async def test_it_goes_on_where_it_is_told_to(kvs: AsyncClient, key: str) -> None:
    with anyio.fail_after(DEADLINE):
        puts = [await kvs.ints.put(key, number) for number in range(5)]
        async with kvs.feed(prefix=key, values=True) as now:
            await kvs.ints.put(key, 5)
            step = await now.__anext__()
            assert step.changes[0].value == 5
            assert now.token == step.token
            assert now.error is None
        for number, put in enumerate(puts):
            steps = await told(kvs, put.place.token, prefix=key, values=True)
            assert [step.changes[0].value for step in steps] == list(range(number + 1, 6))
        async with kvs.feed(puts[0].place.token, prefix=key, values=True) as feed:
            async for step in feed:
                if step.changes[0].value == 3:
                    break
            assert feed.token == step.token == puts[3].place.token


async def test_bookmarks_take_the_token_along(kvs: AsyncClient, key: str) -> None:
    with anyio.fail_after(DEADLINE):
        begin = await here(kvs)
        place = (await kvs.ints.put(key, 1)).place
        async with kvs.feed(begin, prefix=f"{key}nothing", wait=False) as feed:
            assert feed.token == begin
            assert [step async for step in feed] == []
            assert feed.token
            later = feed.token
        assert later != begin
        assert place.token not in {step.token for step in await told(kvs, later)}, "it is before the bookmark"
        async with kvs.feed(begin, prefix=f"{key}nothing", bookmarks=True) as feed:
            assert (await feed.__anext__()).changes == ()


async def test_the_heartbeat_takes_the_token_along(kvs: AsyncClient, key: str) -> None:
    with anyio.fail_after(DEADLINE):
        async with kvs.feed(prefix=f"{key}nothing", bookmarks=True) as feed:
            first = await feed.__anext__()
            place = (await kvs.ints.put(key, 1)).place
            second = await feed.__anext__()
            assert first.token != second.token
            assert place.token not in {step.token for step in await told(kvs, second.token)}


async def test_the_feed_of_a_listing(kvs: AsyncClient, key: str) -> None:
    await write_everything(kvs, key)
    listing = kvs.keys(key, values=True, page_size=1)
    assert listing.feed is None
    state = {}
    async for entry in listing:
        state[entry.type, entry.key] = entry.value
        token = listing.feed
        assert token
        # Whatever happens while the pages are fetched is told.
        await write_everything(kvs, key)
    assert listing.feed == token
    async with kvs.feed(token, prefix=key, values=True) as feed:
        await kvs.strs.put(f"{key}last", "")
        await until(feed, state, ("str", f"{key}last"))
    assert state == {(e.type, e.key): e.value async for e in kvs.keys(key, values=True)}
    empty = kvs.ints.list(f"{key}nothing")
    assert [entry async for entry in empty] == []
    assert empty.feed


def write_something(batch: Batch, key: str, dice: random.Random) -> None:
    text = dice.choice("abc")
    kind = dice.randrange(5)
    if kind == 0:
        batch.ints.incr(key)
    elif kind == 1:
        batch.maps.patch(key, {text: dice.choice([None, "1", "2"])})
    elif kind == 2:
        batch.sets.change(key, add=[text], remove=[dice.choice("abc")])
    elif kind == 3:
        batch.strs.put(key, text)
    else:
        of: Any = dice.choice([batch.ints, batch.maps, batch.sets, batch.strs])
        of.delete(key)


async def test_a_listing_beside_writers_and_the_feed_after_it(kvs: AsyncClient, key: str, url: str) -> None:
    seed = int(os.environ.get("KVS_SEED", random.randrange(2**32)))
    print(f"KVS_SEED={seed}")
    is_over = threading.Event()
    written = threading.Semaphore(0)

    def write(number: int) -> None:
        dice = random.Random(seed + number)
        with Client(url) as client:
            while not is_over.is_set():
                with client.batch(atomic=dice.random() < 0.5) as batch:
                    for _ in range(dice.randrange(1, 8)):
                        write_something(batch, f"{key}{dice.randrange(40)}", dice)
                written.release()

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, number) for number in range(3)]
        try:
            for _ in range(5):
                listing = kvs.keys(key, values=True, page_size=7)
                state = {(e.type, e.key): e.value async for e in listing}
                for _ in range(30):
                    assert written.acquire(timeout=DEADLINE)
        finally:
            is_over.set()
        for writer in writers:
            writer.result(DEADLINE)
    async with kvs.feed(listing.feed, prefix=key, values=True) as feed:
        await kvs.strs.put(f"{key}last", "")
        await until(feed, state, ("str", f"{key}last"))
    assert state == {(e.type, e.key): e.value async for e in kvs.keys(key, values=True)}


@pytest.mark.parametrize("waits", [True, False])
async def test_refusals(make: MakeClient, kvs: AsyncClient, tmp_path: Path, waits: bool) -> None:
    foreign = await here(kvs)
    with Server(tmp_path / "log") as another:
        async with make(another.url) as client:
            with pytest.raises(Gone) as gone:
                await client.feed(foreign, wait=waits).__anext__()
            assert not isinstance(gone.value, NoLongerKept)
            with pytest.raises(InvalidRequest):
                await client.feed("token", wait=waits).__anext__()
            with pytest.raises(InvalidRequest):
                async with client.feed("token", wait=waits):
                    pass
    with Server(None) as without_log:
        async with make(without_log.url) as client:
            with pytest.raises(NoLog):
                await client.feed(wait=waits).__anext__()
            listing = client.keys()
            assert [entry async for entry in listing] == []
            assert listing.feed is None
    async with make(without_log.url, retries=0) as client:
        with pytest.raises(NotSent):
            await client.feed(wait=waits).__anext__()


async def test_who_may_see_what(make: MakeClient, tmp_path: Path) -> None:
    identities = tmp_path / "identities"
    new = ("token", "new", "--identities", identities)
    admin = run(*new, "admin", "--scope", "read,write").strip()
    reader = run(*new, "reader", "--scope", "read", "--types", "int").strip()
    writer = run(*new, "writer", "--scope", "write").strip()
    with Server(tmp_path / "log", "--identities", str(identities)) as server:
        async with make(server.url, token=admin) as client:
            begin = await here(client)
            await client.strs.put("a", "secret")
            await client.ints.put("a", 1)
        async with make(server.url, token=reader) as client:
            steps = await told(client, begin, values=True, type="int")
            assert [change.value for step in steps for change in step.changes] == [1]
            with pytest.raises(Forbidden):
                await told(client, begin, type="str")
        async with make(server.url, token=writer) as client:
            with pytest.raises(Forbidden):
                await client.feed().__anext__()
        async with make(server.url, token="wrong") as client:
            with pytest.raises(Unauthorized):
                await client.feed().__anext__()
        async with make(server.url, token=reader) as client:
            with anyio.fail_after(2 * DEADLINE):
                async with client.feed(type="int") as feed:
                    run("token", "revoke", "reader", "--identities", identities)
                    with pytest.raises(Unauthorized):
                        await feed.__anext__()


async def test_what_is_no_longer_kept(make: MakeClient, tmp_path: Path) -> None:
    with Server(
        tmp_path / "log", "--segment-size", "64KiB", "--retain", "64KiB", "--checkpoint-after", "64KiB"
    ) as server:
        async with make(server.url) as client:
            begin = await here(client)
            with anyio.fail_after(DEADLINE):
                while True:
                    await client.strs.put("key", "x" * 10_000)
                    try:
                        await client.feed(begin, wait=False).__anext__()
                    except NoLongerKept as error:
                        oldest = error.oldest
                        break
            assert oldest
            steps = await told(client, oldest)
            assert steps
            assert {change.key for step in steps for change in step.changes} == {"key"}
