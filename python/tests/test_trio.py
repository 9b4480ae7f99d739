from __future__ import annotations

import pytest

from kvs_client import AsyncClient

from .raw_server import CUT, RawServer, done


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_trio_runs_it_too(url: str, key: str) -> None:
    async with AsyncClient(url) as client:
        await client.ints.put(key, 1)
        assert [entry.value async for entry in client.ints.list(key, values=True)] == [1]
    with RawServer(CUT, done(200, "7")) as server:
        async with AsyncClient(server.url) as client:
            assert await client.ints.get(key) == 7
