"""A key is one segment of the path, whatever is in it."""

from __future__ import annotations

import pytest

from kvs_client import AsyncClient

pytestmark = pytest.mark.anyio

ODD = [
    ".", "..", "...", "../..", "/", "//", "a/b", "/a", "a/", "%", "%2F", "%2e", "%zz", "a%", "?", "a?b=c", "#", "a#b",
    "&", "=", "+", "a b", " ", "  ", ";", ":", "@", "a:b@c", "\\", "'", '"', "<>", "{}", "[]", "|", "^", "`", "~", "*",
    "ü", "ключ", "鍵", "🎉", "e\u0301", "\u00e9", "\n", "\r\n", "\t", "\x01", "\x7f", "\u2028", "\ufeff",
    "keys", "batch", "int", "k" * 512, "ü" * 256,
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=ascii)
async def test_a_key_stays_what_it_is(kvs: AsyncClient, odd: str) -> None:
    await kvs.strs.delete(odd)
    await kvs.strs.put(odd, f"value of {odd}")
    assert await kvs.strs.get(odd) == f"value of {odd}"
    assert await kvs.strs.exists(odd)
    assert odd in [listed.key async for listed in kvs.strs.list(odd)]
    async with kvs.batch() as batch:
        found = batch.strs.get(odd)
    result = found.result()
    assert result is not None
    assert result.value == f"value of {odd}"
    assert await kvs.strs.delete(odd)


@pytest.mark.parametrize("odd", ["", *ODD, "x" * 2000], ids=lambda odd: ascii(odd)[:20])
async def test_so_do_fields_and_members(kvs: AsyncClient, key: str, odd: str) -> None:
    assert (await kvs.maps.put_field(key, odd, f"text of {odd}")).created
    assert await kvs.maps.get_field(key, odd) == f"text of {odd}"
    assert await kvs.maps.get(key) == {odd: f"text of {odd}"}
    assert await kvs.maps.delete_field(key, odd)
    await kvs.sets.add(key, odd)
    assert await kvs.sets.has(key, odd)
    assert await kvs.sets.get(key) == {odd}
