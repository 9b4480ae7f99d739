"""Entries of every type: put, get, delete, exists, refresh."""

from __future__ import annotations

import math

import pytest

from kvs_client import AsyncClient, InvalidRequest, NotRepresentable, TooLarge

pytestmark = pytest.mark.anyio

VALUES: dict[str, list[object]] = {
    "ints": [0, -(2**31), 2**31 - 1],
    "uints": [0, 2**32 - 1],
    "floats": [0.0, -0.5, 0.1, 3.4e38, 1e-45, 5.0],
    "strs": ["", "text", "Grüße, Welt 🎉", 'quote " backslash \\ line\nend\r\n', " spaces "],
    "maps": [{}, {"a": "1", "": "empty", "ü": "\n", "b": ""}],
    "sets": [set(), {"a", "", "ü", "a\nb"}],
}
CASES = [(namespace, value) for namespace, values in VALUES.items() for value in values]


@pytest.mark.parametrize(("namespace", "value"), CASES)
async def test_a_value_comes_back(kvs: AsyncClient, key: str, namespace: str, value: object) -> None:
    entries = getattr(kvs, namespace)
    assert await entries.get(key) is None
    assert await entries.entry(key) is None
    assert await entries.delete(key) is None
    assert not await entries.exists(key)

    put = await entries.put(key, value)
    assert put.created
    entry = await entries.entry(key)
    read = await entries.get(key)
    assert (read, type(read)) == (pytest.approx(value) if isinstance(value, float) else value, type(value))
    assert (entry.type, entry.key, entry.value, entry.etag) == (namespace[:-1], key, read, put.etag)
    assert entry.expires_at is None
    assert await entries.exists(key)

    again = await entries.put(key, value)
    assert not again.created
    assert again.etag != put.etag
    assert again.place.lsn > put.place.lsn
    deleted = await entries.delete(key)
    assert deleted.lsn > again.place.lsn
    assert await entries.get(key) is None


async def test_a_float_is_rounded_to_32_bits(kvs: AsyncClient, key: str) -> None:
    await kvs.floats.put(key, 1 / 3)
    assert await kvs.floats.get(key) == 0.33333334
    await kvs.floats.put(key, 7)
    value = await kvs.floats.get(key)
    assert (value, type(value)) == (7.0, float)


async def test_types_are_apart(kvs: AsyncClient, key: str) -> None:
    await kvs.ints.put(key, 1)
    await kvs.strs.put(key, "one")
    assert await kvs.ints.get(key) == 1
    assert await kvs.strs.get(key) == "one"
    assert await kvs.uints.get(key) is None


async def test_an_entry_is_read_again_only_if_it_has_changed(kvs: AsyncClient, key: str) -> None:
    await kvs.maps.put(key, {"a": "1"})
    entry = await kvs.maps.entry(key)
    assert entry is not None
    assert await kvs.maps.refresh(entry) is entry
    await kvs.maps.put_field(key, "a", "2")
    changed = await kvs.maps.refresh(entry)
    assert changed is not None
    assert changed.value == {"a": "2"}
    await kvs.maps.delete(key)
    assert await kvs.maps.refresh(entry) is None


async def test_values_that_cannot_be_stored(kvs: AsyncClient, key: str) -> None:
    for refused in (2**31, -(2**31) - 1):
        with pytest.raises(NotRepresentable):
            await kvs.ints.put(key, refused)
    with pytest.raises(NotRepresentable):
        await kvs.floats.put(key, 1e39)
    with pytest.raises(NotRepresentable):
        await kvs.strs.put(key, "NUL \0")
    with pytest.raises(TooLarge) as caught:
        await kvs.strs.put(key, "x" * (2**24 + 1))
    assert caught.value.limit == 2**24
    # These are not even sent.
    for number in (math.nan, math.inf):
        with pytest.raises(ValueError, match="JSON"):
            await kvs.floats.put(key, number)
    with pytest.raises(ValueError, match="surrogates"):
        await kvs.strs.put(key, "\ud800")
    with pytest.raises(TypeError):
        await kvs.sets.put(key, "text")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await kvs.ints.put(key, 1.5)  # type: ignore[arg-type]
    assert await kvs.ints.get(key) is None


async def test_keys_that_are_not_allowed(kvs: AsyncClient) -> None:
    for key in ("", "k" * 513, "a\0b"):
        with pytest.raises(InvalidRequest) as caught:
            await kvs.ints.get(key)
        assert caught.value.problem.status in {400, 422}
    with pytest.raises(ValueError, match="surrogates"):
        await kvs.ints.get("\ud800")
