"""A blocking client in the form of the one for asyncio, so that each test is written once and runs with both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import to_thread

from kvs_client import Feed
from kvs_client._sync.batch import BatchBlock

if TYPE_CHECKING:
    from kvs_client import Listing, Step


class Awaiting:
    def __init__(self, target: object) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name.replace("aclose", "close"))
        if not callable(found):
            return Awaiting(found)

        def at_once(*args: Any, **options: Any) -> Any:
            result = found(*args, **options)
            if isinstance(result, BatchBlock):
                return _Block(result)
            return _Feed(result) if isinstance(result, Feed) else _Listing(result)

        async def when_awaited(*args: Any, **options: Any) -> Any:
            return found(*args, **options)

        return at_once if name in {"batch", "feed", "keys", "list"} else when_awaited

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


class _Listing:
    def __init__(self, listing: Listing[Any]) -> None:
        self._listing = listing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listing, name)

    def __aiter__(self) -> _Listing:
        return self

    async def __anext__(self) -> Any:
        for entry in self._listing:
            return entry
        raise StopAsyncIteration


class _Feed:
    """Waits in a thread, so that tests go on meanwhile, and may give up."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feed, name)

    async def aclose(self) -> None:
        self._feed.close()

    async def __aenter__(self) -> _Feed:
        await to_thread.run_sync(self._feed.__enter__, abandon_on_cancel=True)
        return self

    async def __aexit__(self, *error: Any) -> None:
        self._feed.__exit__(*error)

    def __aiter__(self) -> _Feed:
        return self

    async def __anext__(self) -> Step:
        step = await to_thread.run_sync(next, self._feed, None, abandon_on_cancel=True)
        if step is None:
            raise StopAsyncIteration
        return step
