"""Random operations, each compared with what a model of dicts says. `KVS_SEED` repeats a run."""

from __future__ import annotations

import os
import random
from typing import Any, Callable

import pytest

from kvs_client import ANY, AsyncClient, ConditionFailed, LimitReached

pytestmark = pytest.mark.anyio

STEPS = 400
NAMESPACES = ("ints", "uints", "floats", "strs", "maps", "sets")
TEXTS = ["", "a", "b", "ü/%", "..", "🎉\n"]
LEAST = {"ints": -(2**31), "uints": 0}
MOST = {"ints": 2**31 - 1, "uints": 2**32 - 1}


class Model:
    """Entries by namespace and key, and the same operations on the server."""

    def __init__(self, client: AsyncClient, prefix: str, dice: random.Random) -> None:
        self.client = client
        self.dice = dice
        self.keys = [f"{prefix}{suffix}" for suffix in ("", "/", "..", "%2F ü")]
        self.entries: dict[tuple[str, str], Any] = {}

    def value(self, namespace: str) -> Any:
        dice = self.dice
        makers: dict[str, Callable[[], Any]] = {
            "ints": lambda: dice.choice([0, -7, 2**31 - 1, dice.randrange(-(2**31), 2**31)]),
            "uints": lambda: dice.choice([0, 9, 2**32 - 1, dice.randrange(2**32)]),
            "floats": lambda: dice.choice([0.0, -1.5, dice.randrange(-1000, 1000) / 4]),
            "strs": lambda: "".join(dice.choices(TEXTS, k=dice.randrange(4))),
            "maps": lambda: {dice.choice(TEXTS): dice.choice(TEXTS) for _ in range(dice.randrange(4))},
            "sets": lambda: set(dice.choices(TEXTS, k=dice.randrange(4))),
        }
        return makers[namespace]()

    async def step(self) -> None:
        namespace, key = self.dice.choice(NAMESPACES), self.dice.choice(self.keys)
        steps: list[Callable[..., Any]] = [self.read, self.put, self.delete, self.batch]
        steps += {
            "ints": [self.incr],
            "uints": [self.incr],
            "maps": [self.patch, self.field],
            "sets": [self.change],
        }.get(namespace, [])
        await self.dice.choice(steps)(namespace, key)

    async def read(self, namespace: str, key: str) -> None:
        entries, expected = getattr(self.client, namespace), self.entries.get((namespace, key))
        assert await entries.get(key) == expected
        assert await entries.exists(key) == (expected is not None)

    async def put(self, namespace: str, key: str) -> None:
        value, existed = self.value(namespace), (namespace, key) in self.entries
        condition = self.dice.choice([{}, {"if_match": ANY}, {"if_none_match": ANY}])
        put = getattr(self.client, namespace).put(key, value, **condition)
        if condition == ({"if_none_match": ANY} if existed else {"if_match": ANY}):
            with pytest.raises(ConditionFailed) as caught:
                await put
            assert caught.value.value == self.entries.get((namespace, key))
            return
        assert (await put).created == (not existed)
        self.entries[namespace, key] = value

    async def delete(self, namespace: str, key: str) -> None:
        deleted = await getattr(self.client, namespace).delete(key)
        assert (deleted is not None) == (self.entries.pop((namespace, key), None) is not None)

    async def incr(self, namespace: str, key: str) -> None:
        by, least, most = self.dice.randrange(-20, 20), LEAST[namespace], MOST[namespace]
        limit = self.dice.choice([None, self.dice.randrange(50)])
        before = self.entries.get((namespace, key), 0)
        incr = getattr(self.client, namespace).incr(key, by, max=limit)
        if least <= before + by <= (most if limit is None else min(most, limit)):
            done = await incr
            assert (done.before, done.value) == (before, before + by)
            self.entries[namespace, key] = before + by
        else:
            with pytest.raises(LimitReached):
                await incr

    async def patch(self, namespace: str, key: str) -> None:
        changes = {self.dice.choice(TEXTS): self.dice.choice([None, *TEXTS]) for _ in range(self.dice.randrange(4))}
        before: dict[str, str] | None = self.entries.get((namespace, key))
        gone = [field for field, text in changes.items() if text is None]
        after = {**(before or {}), **{field: text for field, text in changes.items() if text is not None}}
        for field in gone:
            after.pop(field, None)
        done = await self.client.maps.patch(key, changes)
        if before is None and len(gone) == len(changes):
            assert done is None
            return
        assert done is not None
        deleted = sum(field in (before or {}) for field in gone)
        assert (done.set, done.deleted) == (len(changes) - len(gone), deleted)
        self.entries[namespace, key] = after

    async def field(self, namespace: str, key: str) -> None:
        field, fields = self.dice.choice(TEXTS), self.entries.get((namespace, key))
        assert await self.client.maps.get_field(key, field) == (fields or {}).get(field)
        if self.dice.randrange(2):
            text = self.dice.choice(TEXTS)
            assert (await self.client.maps.put_field(key, field, text)).created == (field not in (fields or {}))
            self.entries[namespace, key] = {**(fields or {}), field: text}
        else:
            deleted = await self.client.maps.delete_field(key, field)
            assert (deleted is not None) == ((fields or {}).pop(field, None) is not None)

    async def change(self, namespace: str, key: str) -> None:
        add, remove = self.value("sets"), self.value("sets")
        before: set[str] | None = self.entries.get((namespace, key))
        member = self.dice.choice(TEXTS)
        assert await self.client.sets.has(key, member) == (member in (before or set()))
        done = await self.client.sets.change(key, add=add, remove=remove)
        if before is None and not add:
            assert done is None
            return
        both = (before or set()) | add
        assert done is not None
        assert (done.added, done.removed) == (len(both) - len(before or set()), len(both & remove))
        self.entries[namespace, key] = both - remove

    async def batch(self, namespace: str, key: str) -> None:
        """Some operations, and perhaps one that fails, so that nothing happens."""
        after, checks, fails = dict(self.entries), [], self.dice.randrange(3) == 0
        try:
            async with self.client.batch() as batch:
                for _ in range(self.dice.randrange(1, 6)):
                    namespace, key = self.dice.choice(NAMESPACES), self.dice.choice(self.keys)
                    operations: Any = getattr(batch, namespace)
                    checks.append((operations.get(key), after.get((namespace, key))))
                    if self.dice.randrange(2):
                        after[namespace, key] = self.value(namespace)
                        operations.put(key, after[namespace, key])
                    else:
                        operations.delete(key)
                        after.pop((namespace, key), None)
                if fails:
                    batch.ints.incr(self.keys[0], max=-(2**31) - 1)
        except LimitReached:
            assert fails
            return
        assert not fails
        for pending, expected in checks:
            found = pending.result()
            assert (found and found.value) == expected
        self.entries = after

    async def check(self, prefix: str) -> None:
        listed = [entry async for entry in self.client.keys(prefix, values=True, page_size=5)]
        assert {(f"{entry.type}s", entry.key): entry.value for entry in listed} == self.entries
        assert len(listed) == len(self.entries)


async def test_random_operations(kvs: AsyncClient, key: str) -> None:
    seed = int(os.environ.get("KVS_SEED", random.randrange(2**32)))
    print(f"KVS_SEED={seed}")
    model = Model(kvs, key, random.Random(seed))
    for _ in range(STEPS):
        await model.step()
    await model.check(key)
