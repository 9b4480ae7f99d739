# Made by tools/unasync.py from _async/counters.py; do not edit.
"""Counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._core.counters import CounterCalls
from .._core.options import KEEP, Write
from .entries import Entries

if TYPE_CHECKING:
    from .._core.options import ChangedTtl, Etags
    from .._core.values import ValueType
    from .._results import Incremented
    from .connection import Connection


class Counters(Entries[int]):
    """Entries of type int or uint."""

    def __init__(self, connection: Connection, of: ValueType[int]) -> None:
        super().__init__(connection, of)
        self._counters = CounterCalls(of)

    def incr(
        self,
        key: str,
        by: int = 1,
        *,
        min: int | None = None,
        max: int | None = None,
        ttl: ChangedTtl = KEEP,
        if_match: Etags | None = None,
        if_none_match: Etags | None = None,
        durable: bool = False,
    ) -> Incremented:
        """Add to the counter, within the bounds. A missing one counts as 0.

        Raises `LimitReached`, and changes nothing, if that leads beyond a bound, or beyond what the type can hold.
        """
        options = Write(if_match, if_none_match, durable)
        return self._connection.run(self._counters.incr(key, by, (min, max), ttl, options))
