from __future__ import annotations

import pytest

from kvs_client import AsyncClient, Gone, InvalidRequest

from .server import Server

pytestmark = pytest.mark.anyio


async def test_every_entry_comes_once(kvs: AsyncClient, key: str) -> None:
    async with kvs.batch() as batch:
        puts = {f"{key}{number}": batch.ints.put(f"{key}{number}", number) for number in range(250)}
        batch.strs.put(f"{key}text", "text")
    etags = {put_key: put.result().etag for put_key, put in puts.items()}
    for page_size in (None, 1, 7, 1000):
        listed = [listed async for listed in kvs.ints.list(key, page_size=page_size)]
        assert len(listed) == 250
        assert {entry.key: entry.etag for entry in listed} == etags
        assert {entry.type for entry in listed} == {"int"}
    entries = [entry async for entry in kvs.ints.list(key, values=True)]
    assert sorted(entry.value for entry in entries) == list(range(250))
    assert entries[0].place.lsn >= puts[f"{key}0"].result().place.lsn
    some = [entry.value async for entry in kvs.ints.list(f"{key}24", values=True)]
    assert sorted(some) == [24, *range(240, 250)]


async def test_all_types(kvs: AsyncClient, key: str) -> None:
    values = {"int": -1, "uint": 1, "float": 0.5, "str": "text", "map": {"a": "1"}, "set": {"a", "b"}}
    for name, value in values.items():
        await getattr(kvs, f"{name}s").put(key, value)
    assert {listed.type: listed.key async for listed in kvs.keys(key)} == dict.fromkeys(values, key)
    entries = [entry async for entry in kvs.keys(key, values=True, page_size=1)]
    assert {entry.type: entry.value for entry in entries} == values


async def test_nothing_to_list(kvs: AsyncClient, key: str) -> None:
    assert [listed async for listed in kvs.sets.list(key)] == []
    with pytest.raises(InvalidRequest):
        _ = [listed async for listed in kvs.keys(key, page_size=0)]


async def test_another_server_does_not_continue_a_listing(
    kvs: AsyncClient, key: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await kvs.ints.put(f"{key}1", 1)
    put = await kvs.ints.put(f"{key}2", 1)
    with Server(tmp_path_factory.mktemp("another") / "log") as another:
        async with AsyncClient(another.url) as other:
            with pytest.raises(Gone):
                await other.ints.get(key, min_token=put.place.token)
            with pytest.raises(Gone):
                _ = [listed async for listed in other.keys(min_token=put.place.token)]
