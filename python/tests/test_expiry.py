"""Times to live, and what tells the deadlines. What expires is asked for until it is gone."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Callable

import pytest

from kvs_client import AsyncClient, Client

from .server import Server

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

VALUES = [("ints", 1), ("uints", 1), ("floats", 1.5), ("strs", "v"), ("maps", {"a": "1"}), ("sets", {"a"})]
of_every_type = pytest.mark.parametrize(("namespace", "value"), VALUES)

DEADLINE = 30.0


def is_in(seconds: float, moment: datetime | None) -> bool:
    """Whether a moment is so many seconds from now, give or take the time that a test may take."""
    assert moment is not None
    assert moment.tzinfo is timezone.utc
    return abs((moment - datetime.now(timezone.utc)).total_seconds() - seconds) < DEADLINE


async def expires_at(entries: Any, key: str) -> datetime | None:
    entry = await entries.entry(key)
    assert entry is not None
    moment: datetime | None = entry.expires_at
    return moment


@of_every_type
async def test_an_entry_ends(kvs: AsyncClient, key: str, namespace: str, value: object) -> None:
    entries = getattr(kvs, namespace)
    await entries.put(key, value, ttl=timedelta(milliseconds=100))
    deadline = time.monotonic() + DEADLINE
    while await entries.get(key) is not None:
        assert time.monotonic() < deadline, "it did not end"
    assert await entries.entry(key) is None
    assert not await entries.exists(key)
    assert [listed async for listed in entries.list(key)] == []
    assert (await entries.put(key, value)).created


@of_every_type
async def test_a_put_sets_the_expiry_and_takes_it_away(
    kvs: AsyncClient, key: str, namespace: str, value: object
) -> None:
    entries = getattr(kvs, namespace)
    for ttl, seconds in ((3600, 3600), (timedelta(days=2), 172_800)):
        put = await entries.put(key, value, ttl=ttl)
        assert is_in(seconds, put.expires_at)
        assert await expires_at(entries, key) == put.expires_at
    assert (await entries.put(key, value)).expires_at is None
    assert await expires_at(entries, key) is None


@of_every_type
async def test_touch_changes_the_expiry_alone(kvs: AsyncClient, key: str, namespace: str, value: object) -> None:
    entries = getattr(kvs, namespace)
    assert await entries.touch(key, 3600) is None
    await entries.put(key, value)
    touched = await entries.touch(key, 3600)
    entry = await entries.entry(key)
    assert (entry.value, entry.etag, entry.expires_at) == (value, touched.etag, touched.expires_at)
    assert is_in(3600, touched.expires_at)
    assert (await entries.touch(key, None)).expires_at is None
    assert await expires_at(entries, key) is None


async def test_a_change_keeps_the_expiry_unless_it_is_told(kvs: AsyncClient, key: str) -> None:
    ints, maps, sets = kvs.ints, kvs.maps, kvs.sets
    begun: list[Any] = [
        await ints.incr(key, ttl=3600),
        await maps.patch(key, {"a": "1"}, ttl=3600),
        await sets.add(key, "a", ttl=3600),
    ]
    of_ints, of_maps, of_sets = (done.expires_at for done in begun)
    for moment in (of_ints, of_maps, of_sets):
        assert is_in(3600, moment)

    kept: list[tuple[Any, datetime | None]] = [
        (await ints.incr(key), of_ints),
        (await maps.patch(key, {"b": "2"}), of_maps),
        (await maps.patch(key, {}), of_maps),
        (await maps.put_field(key, "c", "3"), of_maps),
        (await maps.delete_field(key, "a"), of_maps),
        (await sets.add(key, "b"), of_sets),
        (await sets.remove(key, "a"), of_sets),
        (await sets.change(key), of_sets),
    ]
    for done, moment in kept:
        assert done.expires_at == moment
    assert [await expires_at(entries, key) for entries in (ints, maps, sets)] == [of_ints, of_maps, of_sets]

    told: list[Any] = [
        await ints.incr(key, ttl=None),
        await maps.patch(key, {}, ttl=None),
        await sets.change(key, add=["c"], ttl=None),
    ]
    assert [done.expires_at for done in told] == [None] * 3
    assert [await expires_at(entries, key) for entries in (ints, maps, sets)] == [None] * 3


async def test_a_refreshed_entry_has_its_new_expiry(kvs: AsyncClient, key: str) -> None:
    await kvs.strs.put(key, "v", ttl=60)
    entry = await kvs.strs.entry(key)
    assert entry is not None
    assert await kvs.strs.refresh(entry) is entry
    await kvs.strs.touch(key, 3600)
    refreshed = await kvs.strs.refresh(entry)
    assert refreshed is not None
    assert is_in(3600, refreshed.expires_at)


async def test_listings_tell_it(kvs: AsyncClient, key: str) -> None:
    put = await kvs.ints.put(key, 1, ttl=3600)
    await kvs.strs.put(key, "v")
    assert is_in(3600, put.expires_at)
    assert [entry.expires_at async for entry in kvs.ints.list(key)] == [put.expires_at]
    assert [entry.expires_at async for entry in kvs.ints.list(key, values=True)] == [put.expires_at]
    of_all = {"int": put.expires_at, "str": None}
    assert {entry.type: entry.expires_at async for entry in kvs.keys(key)} == of_all
    assert {entry.type: entry.expires_at async for entry in kvs.keys(key, values=True)} == of_all


@pytest.mark.parametrize("atomic", [True, False])
async def test_in_a_batch(kvs: AsyncClient, key: str, atomic: bool) -> None:
    async with kvs.batch(atomic=atomic) as batch:
        begun: list[Any] = [
            batch.strs.put(key, "v", ttl=3600),
            batch.ints.incr(key, ttl=timedelta(hours=1)),
            batch.maps.patch(key, {"a": "1"}, ttl=3600),
            batch.sets.add(key, "a", ttl=3600),
        ]
        without = batch.floats.put(key, 1.5)
        begun.append(batch.floats.touch(key, 3600))
        nothing = batch.uints.touch(key, 3600)
        kept: list[Any] = [
            batch.strs.get(key),
            batch.ints.incr(key),
            batch.maps.patch(key, {"b": "2"}),
            batch.sets.change(key, add=["b"], remove=["a"]),
            batch.floats.get(key),
        ]
    assert without.result().expires_at is None
    assert nothing.result() is None
    namespaces = (kvs.strs, kvs.ints, kvs.maps, kvs.sets, kvs.floats)
    moments = [await expires_at(entries, key) for entries in namespaces]
    for moment in moments:
        assert is_in(3600, moment)
    for pending in (begun, kept):
        assert [done.result().expires_at for done in pending] == moments
    async with kvs.batch(atomic=atomic) as batch:
        ended: list[Any] = [
            batch.strs.touch(key, None),
            batch.ints.incr(key, ttl=None),
            batch.maps.patch(key, {}, ttl=None),
            batch.sets.change(key, ttl=None),
            batch.floats.put(key, 2.5),
            batch.floats.get(key),
        ]
    assert [done.result().expires_at for done in ended] == [None] * 6
    assert [await expires_at(entries, key) for entries in namespaces] == [None] * 5


@pytest.mark.parametrize("end", [Server.stop, Server.kill])
def test_deadlines_go_on_while_the_server_is_down(tmp_path: Path, end: Callable[[Server], None]) -> None:
    def entries(client: Client) -> dict[tuple[str, str], tuple[object, datetime | None]]:
        return {(entry.type, entry.key): (entry.value, entry.expires_at) for entry in client.keys(values=True)}

    with Server(tmp_path / "log") as server, Client(server.url) as client:
        for namespace, value in VALUES:
            getattr(client, namespace).put("later", value, ttl=3600)
            getattr(client, namespace).put("never", value)
        client.ints.put("touched", 1)
        client.ints.touch("touched", 60)
        lasting = entries(client)
        with client.batch(durable=True) as batch:
            soon: list[Any] = [getattr(batch, namespace).put("soon", value, ttl=2) for namespace, value in VALUES]
        last = max(pending.result().expires_at for pending in soon)
        assert len(entries(client)) == len(lasting) + len(VALUES)
        end(server)

    # It must be down when they expire, so here is a time to be waited for.
    time.sleep(max(0.0, (last - datetime.now(timezone.utc)).total_seconds()))

    with Server(tmp_path / "log") as server, Client(server.url) as client:
        for namespace, value in VALUES:
            assert getattr(client, namespace).entry("soon") is None
            assert getattr(client, namespace).entry("later").expires_at == lasting[namespace[:-1], "later"][1]
            assert getattr(client, namespace).get("never") == value
        assert entries(client) == lasting
        begun = client.ints.incr("soon")
        assert (begun.before, begun.value, begun.expires_at) == (0, 1, None)
        kept = client.ints.incr("later")
        assert (kept.value, kept.expires_at) == (2, lasting["int", "later"][1])
