from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kvs_client import ANY, AsyncClient, ConditionFailed, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.anyio


async def test_create_only(kvs: AsyncClient, key: str) -> None:
    first = await kvs.strs.put(key, "first", if_none_match=ANY)
    with pytest.raises(ConditionFailed) as caught:
        await kvs.strs.put(key, "second", if_none_match=ANY)
    assert (caught.value.etag, caught.value.value) == (first.etag, "first")
    assert caught.value.problem.type == "condition"


async def test_only_if_it_is_there(kvs: AsyncClient, key: str) -> None:
    with pytest.raises(ConditionFailed) as caught:
        await kvs.strs.put(key, "value", if_match=ANY)
    assert (caught.value.etag, caught.value.value) == (None, None)
    await kvs.strs.put(key, "value")
    await kvs.strs.put(key, "other", if_match=ANY)


async def test_only_what_was_read(kvs: AsyncClient, key: str) -> None:
    first = await kvs.maps.put(key, {"n": "1"})
    second = await kvs.maps.put(key, {"n": "2"}, if_match=first.etag)
    writes: list[Callable[[], Awaitable[object]]] = [
        lambda: kvs.maps.put(key, {}, if_match=first.etag),
        lambda: kvs.maps.patch(key, {"n": None}, if_match=[first.etag]),
        lambda: kvs.maps.delete(key, if_match=first.etag),
        lambda: kvs.maps.put(key, {}, if_none_match=[first.etag, second.etag]),
    ]
    for write in writes:
        with pytest.raises(ConditionFailed) as caught:
            await write()
        assert (caught.value.etag, caught.value.value) == (second.etag, {"n": "2"})
    assert await kvs.maps.delete(key, if_match=[first.etag, second.etag])


async def test_a_large_value_is_not_told(kvs: AsyncClient, key: str) -> None:
    put = await kvs.strs.put(key, "x" * 5000)
    with pytest.raises(ConditionFailed) as caught:
        await kvs.strs.put(key, "y", if_none_match=ANY)
    assert (caught.value.etag, caught.value.value) == (put.etag, None)


async def test_what_is_no_etag(kvs: AsyncClient, key: str) -> None:
    for wrong in ("", "etag", '"', [], [ANY, '"x"'], ["etag"]):
        with pytest.raises(ValueError, match="etag"):
            await kvs.strs.put(key, "value", if_match=wrong)
        with pytest.raises(ValueError, match="etag"):
            await kvs.strs.put(key, "value", if_none_match=wrong)
    assert not await kvs.strs.exists(key)


async def test_a_hundred_etags(kvs: AsyncClient, key: str) -> None:
    put = await kvs.strs.put(key, "value")
    others = [f'"{number}"' for number in range(99)]
    await kvs.strs.put(key, "value", if_match=[*others, put.etag])
    with pytest.raises(InvalidRequest) as caught:
        await kvs.strs.put(key, "value", if_none_match=[*others, '"a"', '"b"'])
    assert (caught.value.problem.status, caught.value.problem.outcome) == (400, "none")
