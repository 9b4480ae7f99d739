"""Tokens: what a read is at least as new as."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from kvs_client import AsyncClient, InvalidRequest, Unavailable

from .server import Server

if TYPE_CHECKING:
    from .conftest import MakeClient

pytestmark = pytest.mark.anyio


async def test_a_read_is_as_new_as_a_write(kvs: AsyncClient, key: str) -> None:
    put = await kvs.ints.put(key, 1, durable=True)
    assert put.place.durable_lsn >= put.place.lsn
    token = put.place.token
    assert await kvs.ints.get(key, min_token=token) == 1
    assert await kvs.ints.exists(key, min_token=token)
    entry = await kvs.ints.entry(key, min_token=token)
    assert entry is not None
    assert entry.place.lsn >= put.place.lsn
    assert [listed.key async for listed in kvs.ints.list(key, min_token=token)] == [key]
    assert await kvs.maps.get_field(key, "none", min_token=token) is None
    assert not await kvs.sets.has(key, "none", min_token=token)
    async with kvs.batch(min_token=token) as batch:
        found = batch.ints.get(key)
    assert found.result()


async def test_a_state_that_is_not_as_new(make: MakeClient, kvs: AsyncClient, url: str, key: str) -> None:
    put = await kvs.ints.put(key, 1)
    bytes_of_token = bytearray(base64.urlsafe_b64decode(put.place.token + "=" * (-len(put.place.token) % 4)))
    bytes_of_token[-8] = 1  # the first byte of the place
    token = base64.urlsafe_b64encode(bytes_of_token).decode().rstrip("=")
    async with make(url, retries=0) as impatient:
        with pytest.raises(Unavailable) as caught:
            await impatient.ints.get(key, min_token=token)
    assert caught.value.retry_after == 1.0


async def test_what_is_no_token(kvs: AsyncClient, key: str) -> None:
    with pytest.raises(InvalidRequest):
        await kvs.ints.get(key, min_token="token")


async def test_without_a_log_places_are_0(make: MakeClient, key: str) -> None:
    with Server(None) as server:
        async with make(server.url) as client:
            put = await client.ints.put(key, 1, durable=True)
            entry = await client.ints.entry(key, min_token=put.place.token)
            assert entry is not None
            async with client.batch() as batch:
                found = batch.ints.get(key)
            listed = [listed async for listed in client.keys(values=True)]
            deleted = await client.ints.delete(key)
    assert entry.etag == put.etag
    assert listed == [entry]
    result = found.result()
    assert result is not None
    assert deleted is not None
    for place in (put.place, entry.place, batch.place, result.place, listed[0].place, deleted):
        assert place is not None
        assert place.token
        assert (place.lsn, place.durable_lsn) == (0, 0)
