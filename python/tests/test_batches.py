from __future__ import annotations

import pytest

from kvs_client import AsyncClient, ConditionFailed, Found, InvalidRequest, LimitReached, NotRepresentable, TooLarge

pytestmark = pytest.mark.anyio


async def test_every_operation_on_every_type(kvs: AsyncClient, key: str) -> None:
    async with kvs.batch() as batch:
        put_int = batch.ints.put(key, 1)
        incremented = batch.ints.incr(key, 4, min=0, max=5)
        put_uint = batch.uints.put(key, 2**32 - 1)
        put_float = batch.floats.put(key, 0.5)
        put_str = batch.strs.put(key, 'a "text"')
        put_map = batch.maps.put(key, {"a": "1", "b": "2"})
        patched = batch.maps.patch(key, {"a": None, "c": "3"})
        put_set = batch.sets.put(key, {"a"})
        added = batch.sets.add(key, "b", "c")
        changed = batch.sets.change(key, add=["d"], remove=["a", "x"])
        removed = batch.sets.remove(key, "b")
        replaced = batch.strs.put(key, "another")
        found = (batch.ints.get(key), batch.uints.get(key), batch.floats.get(key))
        texts = (batch.strs.get(key), batch.maps.get(key), batch.sets.get(key))
        deleted = batch.uints.delete(key)
        nothing = (batch.uints.get(key), batch.uints.delete(key), batch.maps.patch(key + "none", {"a": None}))
    puts = (put_int, put_uint, put_float, put_str, put_map, put_set)
    assert [put.result().created for put in (*puts, replaced)] == [True] * 6 + [False]
    assert (incremented.result().before, incremented.result().value) == (1, 5)
    maps, sets = patched.result(), changed.result()
    assert maps is not None
    assert sets is not None
    assert (maps.set, maps.deleted) == (1, 1)
    assert added.result().added == 2
    assert (sets.added, sets.removed) == (1, 1)
    assert removed.result()
    values: list[object] = []
    for pending in (*found, *texts):
        result = pending.result()
        assert isinstance(result, Found)
        values.append(result.value)
    assert values == [5, 2**32 - 1, 0.5, "another", {"b": "2", "c": "3"}, {"c", "d"}]
    assert deleted.result() == batch.place
    assert [pending.result() for pending in nothing] == [None] * 3
    entry = await kvs.ints.entry(key)
    assert entry is not None
    assert entry.etag == incremented.result().etag


async def test_an_atomic_batch_is_all_or_nothing(kvs: AsyncClient, key: str) -> None:
    with pytest.raises(LimitReached) as caught:
        async with kvs.batch() as batch:
            put = batch.strs.put(key, "value")
            batch.ints.incr(key, -1, min=0)
    assert (caught.value.problem.op, caught.value.value) == (1, 0)
    assert not await kvs.strs.exists(key)
    with pytest.raises(RuntimeError, match="no result"):
        put.result()


async def test_conditions(kvs: AsyncClient, key: str) -> None:
    put = await kvs.sets.put(key, {"a"})
    with pytest.raises(ConditionFailed) as caught:
        async with kvs.batch() as batch:
            batch.ints.require_absent(key)
            batch.sets.require_absent(key)
            batch.ints.put(key, 1)
    assert (caught.value.problem.condition, caught.value.etag, caught.value.value) == (1, put.etag, {"a"})
    with pytest.raises(ConditionFailed) as caught:
        async with kvs.batch() as batch:
            batch.ints.require(key)
            batch.ints.put(key, 1)
    assert (caught.value.problem.condition, caught.value.etag, caught.value.value) == (0, None, None)
    async with kvs.batch() as batch:
        batch.sets.require(key)
        batch.sets.require(key, put.etag)
        batch.ints.require_absent(key)
        batch.ints.put(key, 1)
    assert await kvs.ints.get(key) == 1
    async with kvs.batch() as batch:
        batch.ints.require(key)
    with pytest.raises(ValueError, match="etag"):
        async with kvs.batch() as batch:
            batch.ints.require(key, "no etag")


async def test_each_by_itself(kvs: AsyncClient, key: str) -> None:
    async with kvs.batch(atomic=False, durable=True) as batch:
        first = batch.ints.incr(key, 5)
        second = batch.ints.incr(key, 5, max=9)
        third = batch.ints.incr(key, 2**31 - 5)
        fourth = batch.strs.put(key, "value")
        with pytest.raises(ValueError, match="atomic"):
            batch.ints.require(key)
    assert first.result().value == 5
    with pytest.raises(LimitReached) as caught:
        second.result()
    assert (caught.value.value, caught.value.problem.status) == (5, 409)
    with pytest.raises(LimitReached):
        third.result()
    assert fourth.result().created
    assert await kvs.ints.get(key) == 5


async def test_each_has_failed(kvs: AsyncClient, key: str) -> None:
    put = await kvs.strs.put(key, "value")
    async with kvs.batch(atomic=False) as batch:
        failed = batch.ints.incr(key, max=0)
    assert batch.place is not None
    assert batch.place.lsn >= put.place.lsn
    with pytest.raises(LimitReached) as caught:
        failed.result()
    assert caught.value.problem.outcome == "none"


async def test_an_exception_ends_the_block_and_nothing_is_sent(kvs: AsyncClient, key: str) -> None:
    with pytest.raises(ZeroDivisionError):
        async with kvs.batch() as batch:
            batch.ints.put(key, 1)
            batch.ints.put(key, 1 // 0)
    async with kvs.batch() as batch:
        pass
    assert batch.place is None
    with pytest.raises(RuntimeError, match="sent"):
        batch.ints.put(key, 1)
    assert not await kvs.ints.exists(key)


async def test_an_atomic_batch_has_one_place(kvs: AsyncClient, key: str) -> None:
    async with kvs.batch() as batch:
        puts = [batch.ints.put(f"{key}{number}", number) for number in range(3)]
    assert {put.result().place for put in puts} == {batch.place}
    assert len({put.result().etag for put in puts}) == 3


async def test_what_the_server_refuses(kvs: AsyncClient, key: str) -> None:
    with pytest.raises(InvalidRequest) as invalid:
        async with kvs.batch() as batch:
            batch.ints.put(key, 1)
            batch.ints.put("", 1)
    assert invalid.value.problem.op == 1
    with pytest.raises(NotRepresentable):
        async with kvs.batch() as batch:
            batch.uints.put(key, -1)
    with pytest.raises(TooLarge) as too_large:
        async with kvs.batch() as batch:
            for _ in range(1001):
                batch.ints.incr(key)
    assert too_large.value.limit == 1000
    assert not await kvs.ints.exists(key)


async def test_as_much_as_the_server_takes(kvs: AsyncClient, key: str) -> None:
    def changes(number: int) -> dict[str, str | None]:
        # As many steps as can be: none is of the same kind as the one before it.
        return {f"field_{field:04}": "text" if field % 2 else None for field in range(number)}

    patched = await kvs.maps.patch(key, changes(1000))
    assert patched is not None
    assert (patched.set, patched.deleted) == (500, 0)
    with pytest.raises(TooLarge) as caught:
        await kvs.maps.patch(key, changes(1001))
    assert caught.value.limit == 1000
    async with kvs.batch() as batch:
        many = [batch.sets.change(f"{key}{number}", add=["a"], remove=["b"]) for number in range(1000)]
    assert sum(done.added for done in (pending.result() for pending in many) if done) == 1000
    async with kvs.batch() as batch:
        patches = [batch.maps.patch(f"{key}{number}", changes(1000)) for number in range(10)]
    assert sum(done.set for done in (pending.result() for pending in patches) if done) == 5000
    with pytest.raises(TooLarge) as caught:
        async with kvs.batch() as batch:
            for number in range(10):
                batch.maps.patch(f"{key}{number}", changes(1000))
            batch.ints.incr(key)
    assert caught.value.limit == 10_000
    assert not await kvs.ints.exists(key)
