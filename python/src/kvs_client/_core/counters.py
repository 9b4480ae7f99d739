"""Calls about counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._results import Incremented
from .entries import EntryCalls
from .responses import OK, State, document, require, state

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from .call import Call
    from .options import ChangedTtl, Write


def bounds(minimum: int | None, maximum: int | None) -> dict[str, int]:
    limits = {"min": minimum, "max": maximum}
    return {name: limit for name, limit in limits.items() if limit is not None}


def incremented(told: Mapping[str, Any], after: State) -> Incremented:
    return Incremented(*after, before=int(told["before"]), value=int(told["value"]))


class CounterCalls(EntryCalls[int]):
    """Calls about counters of one type."""

    def incr(
        self, key: str, by: int, limits: tuple[int | None, int | None], ttl: ChangedTtl, options: Write
    ) -> Call[Incremented]:
        def parse(response: httpx.Response) -> Incremented:
            require(response, OK)
            return incremented(document(response), state(response))

        return self._patch(key, {"incr": by, **bounds(*limits)}, parse, ttl, options)
