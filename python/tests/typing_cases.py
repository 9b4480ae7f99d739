"""What a type checker knows. Nothing here runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from kvs_client import AsyncClient, Client, Entry, Found, Incremented, Listed, Pending, SetChange, Step, Value

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import assert_type


def blocking(client: Client) -> None:
    assert_type(client.ints.get("key"), Union[int, None])
    assert_type(client.uints.incr("key"), Incremented)
    assert_type(client.floats.get("key"), Union[float, None])
    assert_type(client.strs.entry("key"), Union[Entry[str], None])
    assert_type(client.maps.get("key"), Union[dict[str, str], None])
    assert_type(client.maps.get_field("key", "field"), Union[str, None])
    assert_type(client.sets.get("key"), Union[set[str], None])
    assert_type(client.sets.remove("key", "member"), Union[SetChange, None])
    assert_type(client.strs.put("key", "value").expires_at, Union[datetime, None])
    assert_type(next(client.sets.list()), Listed)
    assert_type(next(client.sets.list()).expires_at, Union[datetime, None])
    assert_type(next(client.sets.list(values=True)).value, set[str])
    assert_type(next(client.keys(values=True)).value, Value)
    assert_type(client.keys().feed, Union[str, None])
    assert_type(next(client.feed()), Step)
    assert_type(next(client.feed()).changes[0].apply(None), Union[Value, None])
    client.feed(type="list", values=1)  # type: ignore[arg-type]
    with client.batch() as batch:
        assert_type(batch.maps.get("key"), Pending[Union[Found[dict[str, str]], None]])
    client.ints.put("key", "text")  # type: ignore[arg-type]
    client.maps.put("key", {"field": 1})  # type: ignore[dict-item]
    client.strs.incr("key")  # type: ignore[attr-defined]


async def under_asyncio(client: AsyncClient) -> None:
    assert_type(await client.ints.get("key"), Union[int, None])
    async for listed in client.maps.list(values=True):
        assert_type(listed, Entry[dict[str, str]])
    async with client.feed(client.keys().feed, values=True) as feed:
        assert_type(feed.token, Union[str, None])
        async for step in feed:
            assert_type(step, Step)
    async with client.batch() as batch:
        pending = batch.ints.incr("key", ttl=60)
    assert_type(pending.result(), Incremented)
