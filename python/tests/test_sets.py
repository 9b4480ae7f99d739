from __future__ import annotations

import pytest

from kvs_client import AsyncClient, ConditionFailed

pytestmark = pytest.mark.anyio


async def test_members_come_and_go(kvs: AsyncClient, key: str) -> None:
    assert await kvs.sets.remove(key, "a") is None
    assert await kvs.sets.change(key, remove=["a"]) is None
    assert not await kvs.sets.has(key, "a")
    added = await kvs.sets.add(key, "a", "b", "a")
    assert (added.added, added.removed) == (2, 0)
    changed = await kvs.sets.change(key, add={"c", "b"}, remove=("a", "x"))
    assert changed is not None
    assert (changed.added, changed.removed) == (1, 1)
    assert await kvs.sets.has(key, "c")
    assert not await kvs.sets.has(key, "a")
    removed = await kvs.sets.remove(key, "b", "c", "d")
    assert removed is not None
    assert removed.removed == 2
    assert await kvs.sets.get(key) == set()


async def test_what_is_no_list_of_members(kvs: AsyncClient, key: str) -> None:
    for nothing in (kvs.sets.add, kvs.sets.remove):
        with pytest.raises(ValueError, match="at least one"):
            await nothing(key)
    with pytest.raises(TypeError):
        await kvs.sets.change(key, add="text")


async def test_a_change_takes_conditions(kvs: AsyncClient, key: str) -> None:
    first = await kvs.sets.add(key, "a")
    second = await kvs.sets.add(key, "b", if_match=first.etag)
    with pytest.raises(ConditionFailed) as caught:
        await kvs.sets.remove(key, "b", if_match=first.etag)
    assert (caught.value.etag, caught.value.value) == (second.etag, {"a", "b"})
