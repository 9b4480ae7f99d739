"""A blocking client in the form of the one for asyncio, so that each test is written once and runs with both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kvs_client._sync.batch import BatchBlock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Awaiting:
    def __init__(self, target: object) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name.replace("aclose", "close"))
        if not callable(found):
            return Awaiting(found)

        def at_once(*args: Any, **options: Any) -> Any:
            result = found(*args, **options)
            return _Block(result) if isinstance(result, BatchBlock) else _iterate(result)

        async def when_awaited(*args: Any, **options: Any) -> Any:
            return found(*args, **options)

        return at_once if name in {"batch", "keys", "list"} else when_awaited

    async def __aenter__(self) -> Awaiting:
        self._target.__enter__()  # type: ignore[attr-defined]
        return self

    async def __aexit__(self, *error: Any) -> None:
        self._target.__exit__(*error)  # type: ignore[attr-defined]


class _Block:
    def __init__(self, block: BatchBlock) -> None:
        self._block = block

    async def __aenter__(self) -> Any:
        return self._block.__enter__()

    async def __aexit__(self, *error: Any) -> None:
        self._block.__exit__(*error)


async def _iterate(items: Iterator[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item
