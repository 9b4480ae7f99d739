"""A batch that is carried out when its block ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._batch import Batch

if TYPE_CHECKING:
    from types import TracebackType

    from .._core.batch import Operations
    from .connection import AsyncConnection


class AsyncBatchBlock:
    """Carries a batch out when the block ends, unless an exception ends it."""

    def __init__(self, connection: AsyncConnection, operations: Operations) -> None:
        self._connection = connection
        self._operations = operations

    async def __aenter__(self) -> Batch:
        return Batch(self._operations)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        call = self._operations.call() if kind is None else None
        if call is not None:
            await self._connection.run(call)
