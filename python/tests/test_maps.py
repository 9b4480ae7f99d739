from __future__ import annotations

import pytest

from kvs_client import ANY, AsyncClient, ConditionFailed

pytestmark = pytest.mark.anyio


async def test_a_patch_sets_and_deletes(kvs: AsyncClient, key: str) -> None:
    assert await kvs.maps.patch(key, {}) is None
    assert await kvs.maps.patch(key, {"a": None}) is None
    created = await kvs.maps.patch(key, {"a": "1", "b": "2", "c": None})
    assert created is not None
    assert (created.set, created.deleted) == (2, 0)
    changed = await kvs.maps.patch(key, {"a": None, "b": "3", "d": "4", "none": None})
    assert changed is not None
    assert (changed.set, changed.deleted) == (2, 1)
    entry = await kvs.maps.entry(key)
    assert entry is not None
    assert (entry.value, entry.etag) == ({"b": "3", "d": "4"}, changed.etag)
    nothing = await kvs.maps.patch(key, {})
    assert nothing is not None
    assert (nothing.set, nothing.deleted) == (0, 0)


async def test_fields(kvs: AsyncClient, key: str) -> None:
    assert await kvs.maps.get_field(key, "f") is None
    assert await kvs.maps.delete_field(key, "f") is None
    assert (await kvs.maps.put_field(key, "f", "one")).created
    replaced = await kvs.maps.put_field(key, "f", "zwö\n")
    assert not replaced.created
    assert await kvs.maps.get_field(key, "f") == "zwö\n"
    assert await kvs.maps.get_field(key, "none") is None
    assert await kvs.maps.delete_field(key, "none") is None
    with pytest.raises(ConditionFailed) as caught:
        await kvs.maps.put_field(key, "g", "x", if_none_match=ANY)
    assert (caught.value.etag, caught.value.value) == (replaced.etag, {"f": "zwö\n"})
    deleted = await kvs.maps.delete_field(key, "f", if_match=replaced.etag)
    assert deleted is not None
    assert deleted.etag != replaced.etag
    assert await kvs.maps.get(key) == {}
