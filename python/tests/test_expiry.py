"""Times to live. What expires is asked for until it is gone; nothing here waits for a time."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from kvs_client import AsyncClient

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("expiry")]

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
    await entries.put(key, value, ttl=3600)
    assert is_in(3600, await expires_at(entries, key))
    await entries.put(key, value, ttl=timedelta(days=2))
    assert is_in(172_800, await expires_at(entries, key))
    await entries.put(key, value)
    assert await expires_at(entries, key) is None


@of_every_type
async def test_touch_changes_the_expiry_alone(kvs: AsyncClient, key: str, namespace: str, value: object) -> None:
    entries = getattr(kvs, namespace)
    assert await entries.touch(key, 3600) is None
    await entries.put(key, value)
    touched = await entries.touch(key, 3600)
    entry = await entries.entry(key)
    assert (entry.value, entry.etag) == (value, touched.etag)
    assert is_in(3600, entry.expires_at)
    await entries.touch(key, None)
    assert await expires_at(entries, key) is None


async def test_a_change_keeps_the_expiry_unless_it_is_told(kvs: AsyncClient, key: str) -> None:
    await kvs.ints.incr(key, ttl=3600)
    before = await expires_at(kvs.ints, key)
    assert is_in(3600, before)
    await kvs.ints.incr(key)
    assert await expires_at(kvs.ints, key) == before
    await kvs.ints.incr(key, ttl=None)
    assert await expires_at(kvs.ints, key) is None

    await kvs.maps.patch(key, {"a": "1"}, ttl=3600)
    before = await expires_at(kvs.maps, key)
    await kvs.maps.patch(key, {"b": "2"})
    await kvs.maps.put_field(key, "c", "3")
    await kvs.maps.delete_field(key, "a")
    assert await expires_at(kvs.maps, key) == before
    await kvs.maps.patch(key, {}, ttl=None)
    assert await expires_at(kvs.maps, key) is None

    await kvs.sets.add(key, "a", ttl=3600)
    before = await expires_at(kvs.sets, key)
    await kvs.sets.add(key, "b")
    await kvs.sets.remove(key, "a")
    assert await expires_at(kvs.sets, key) == before
    await kvs.sets.change(key, add=["c"], ttl=None)
    assert await expires_at(kvs.sets, key) is None


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
    await kvs.ints.put(key, 1, ttl=3600)
    await kvs.strs.put(key, "v")
    of_ints = [entry async for entry in kvs.ints.list(key, values=True)]
    assert is_in(3600, of_ints[0].expires_at)
    assert of_ints[0].expires_at == await expires_at(kvs.ints, key)
    of_all = {entry.type: entry.expires_at async for entry in kvs.keys(key, values=True)}
    assert of_all == {"int": of_ints[0].expires_at, "str": None}


async def test_in_a_batch(kvs: AsyncClient, key: str) -> None:
    async with kvs.batch() as batch:
        batch.strs.put(key, "v", ttl=3600)
        batch.ints.incr(key, ttl=timedelta(hours=1))
        batch.maps.patch(key, {"a": "1"}, ttl=3600)
        batch.sets.add(key, "a", ttl=3600)
        batch.floats.put(key, 1.5)
        touched = batch.floats.touch(key, 3600)
        nothing = batch.uints.touch(key, 3600)
    assert touched.result() is not None
    assert nothing.result() is None
    namespaces = (kvs.strs, kvs.ints, kvs.maps, kvs.sets, kvs.floats)
    for entries in namespaces:
        assert is_in(3600, await expires_at(entries, key))
    async with kvs.batch() as batch:
        batch.strs.touch(key, None)
        batch.ints.incr(key, ttl=None)
        batch.maps.patch(key, {}, ttl=None)
        batch.sets.change(key, ttl=None)
        batch.floats.put(key, 2.5)
    for entries in namespaces:
        assert await expires_at(entries, key) is None
