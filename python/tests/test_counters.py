from __future__ import annotations

import pytest

from kvs_client import AsyncClient, ConditionFailed, LimitReached, Overflow

pytestmark = pytest.mark.anyio


async def test_a_counter_counts(kvs: AsyncClient, key: str) -> None:
    first = await kvs.ints.incr(key)
    assert (first.before, first.value) == (0, 1)
    second = await kvs.ints.incr(key, -11)
    assert (second.before, second.value) == (1, -10)
    assert second.etag != first.etag
    assert second.place.lsn > first.place.lsn
    assert (await kvs.uints.incr(key, 2**32 - 1)).value == 2**32 - 1


async def test_bounds_hold(kvs: AsyncClient, key: str) -> None:
    await kvs.uints.put(key, 3)
    assert (await kvs.uints.incr(key, 2, min=0, max=5)).value == 5
    for by, bounds in ((1, {"max": 5}), (-6, {"min": 0}), (1, {"min": 7})):
        with pytest.raises(LimitReached) as caught:
            await kvs.uints.incr(key, by, **bounds)  # type: ignore[arg-type]
        assert caught.value.value == 5
        assert not isinstance(caught.value, Overflow)
    assert await kvs.uints.get(key) == 5


async def test_overflow_is_a_limit(kvs: AsyncClient, key: str) -> None:
    await kvs.ints.put(key, 2**31 - 1)
    with pytest.raises(LimitReached) as caught:
        await kvs.ints.incr(key)
    assert isinstance(caught.value, Overflow)
    with pytest.raises(Overflow):
        await kvs.uints.incr(key, -1)
    assert await kvs.ints.get(key) == 2**31 - 1


async def test_an_increment_takes_conditions(kvs: AsyncClient, key: str) -> None:
    put = await kvs.ints.put(key, 1)
    counted = await kvs.ints.incr(key, if_match=put.etag)
    with pytest.raises(ConditionFailed) as caught:
        await kvs.ints.incr(key, if_match=put.etag)
    assert (caught.value.etag, caught.value.value) == (counted.etag, 2)
