"""The builder of batches. It only collects; a client carries it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar

from ._core.counters import bounds, incremented
from ._core.maps import map_change
from ._core.options import ANY, KEEP, changed_ttl_text, checked_etag, put_ttl_text
from ._core.responses import CREATED, NO_CONTENT, NOT_FOUND, OK, shown_state
from ._core.sets import at_least_one, members_body, set_change
from ._core.values import FLOAT, INT, MAP, SET, STR, UINT, ValueType
from ._results import Found, Incremented, MapChange, Place, Put, SetChange, Written

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ._core.batch import Operations, Pending
    from ._core.options import ChangedTtl, Ttl

Shown = dict[str, Any]
"""A result, as the response shows it."""

V = TypeVar("V")
T = TypeVar("T")

Parse = Callable[[Shown, Place], T]


def _if_found(found: int, result: Parse[T]) -> Parse[T | None]:
    def parse(shown: Shown, at: Place) -> T | None:
        return result(shown, at) if {found: True, NOT_FOUND: False}[shown["status"]] else None

    return parse


def _put(shown: Shown, at: Place) -> Put:
    return Put(*shown_state(shown, at), {CREATED: True, NO_CONTENT: False}[shown["status"]])


def _written(shown: Shown, at: Place) -> Written:
    return Written(*shown_state(shown, at))


def _incremented(shown: Shown, at: Place) -> Incremented:
    return incremented(shown, shown_state(shown, at))


def _map_change(shown: Shown, at: Place) -> MapChange:
    return map_change(shown, shown_state(shown, at))


def _set_change(shown: Shown, at: Place) -> SetChange:
    return set_change(shown, shown_state(shown, at))


class BatchEntries(Generic[V]):
    """Operations of a batch on entries of one type."""

    def __init__(self, operations: Operations, of: ValueType[V]) -> None:
        self._operations = operations
        self._of = of

    def get(self, key: str) -> Pending[Found[V] | None]:
        def found(shown: Shown, at: Place) -> Found[V]:
            return Found(self._of.from_json(shown["value"]), *shown_state(shown, at))

        return self._add("get", key, _if_found(OK, found))

    def put(self, key: str, value: V, *, ttl: Ttl | None = None) -> Pending[Put]:
        """Replace the value as a whole, and the expiry with it."""
        return self._add("put", key, _put, value=self._of.to_json(value), ttl=put_ttl_text(ttl))

    def delete(self, key: str) -> Pending[Place | None]:
        return self._add("del", key, _if_found(NO_CONTENT, lambda _, at: at))

    def touch(self, key: str, ttl: Ttl | None) -> Pending[Written | None]:
        """Change the expiry alone; `None`: never."""
        return self._add("patch", key, _if_found(OK, _written), value={}, ttl=changed_ttl_text(ttl))

    def require(self, key: str, etag: str = ANY) -> None:
        """Carry the batch out only if the entry has this etag, or, without one, if there is such an entry."""
        state = {"present": True} if etag == ANY else {"etag": checked_etag(etag)}
        self._operations.require(self._of, key, state)

    def require_absent(self, key: str) -> None:
        """Carry the batch out only if there is no such entry."""
        self._operations.require(self._of, key, {"absent": True})

    def _add(self, op: str, key: str, parse: Parse[T], **members: object) -> Pending[T]:
        given = {name: member for name, member in members.items() if member is not None}
        return self._operations.add({"op": op, "type": self._of.name, "key": key, **given}, parse)


class BatchCounters(BatchEntries[int]):
    """Operations of a batch on counters."""

    def incr(
        self, key: str, by: int = 1, *, min: int | None = None, max: int | None = None, ttl: ChangedTtl = KEEP
    ) -> Pending[Incremented]:
        """Add to the counter, within the bounds. A missing one counts as 0."""
        limits = bounds(min, max)
        return self._add("incr", key, _incremented, value=by, **limits, ttl=changed_ttl_text(ttl))


class BatchMaps(BatchEntries["dict[str, str]"]):
    """Operations of a batch on maps."""

    def patch(
        self, key: str, changes: Mapping[str, str | None], *, ttl: ChangedTtl = KEEP
    ) -> Pending[MapChange | None]:
        """Set fields, and delete those whose value is `None`: up to 1,000 of them."""
        value = dict(changes)
        return self._add("patch", key, _if_found(OK, _map_change), value=value, ttl=changed_ttl_text(ttl))


class BatchSets(BatchEntries["set[str]"]):
    """Operations of a batch on sets."""

    def add(self, key: str, *members: str, ttl: ChangedTtl = KEEP) -> Pending[SetChange]:
        value = members_body(at_least_one(members), ())
        return self._add("patch", key, _set_change, value=value, ttl=changed_ttl_text(ttl))

    def change(
        self, key: str, *, add: Collection[str] = (), remove: Collection[str] = (), ttl: ChangedTtl = KEEP
    ) -> Pending[SetChange | None]:
        """Add and remove members in one step."""
        value = members_body(add, remove)
        return self._add("patch", key, _if_found(OK, _set_change), value=value, ttl=changed_ttl_text(ttl))

    def remove(self, key: str, *members: str) -> Pending[SetChange | None]:
        return self.change(key, remove=at_least_one(members))


class Batch:
    """Operations that are carried out in one request, in their order.

    Up to 1,000 of them. A patch counts for each of its fields, and all of them together for at most 10,000.

    Each operation returns a `Pending`, which has the result as soon as the batch is carried out.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self.ints = BatchCounters(operations, INT)
        self.uints = BatchCounters(operations, UINT)
        self.floats = BatchEntries(operations, FLOAT)
        self.strs = BatchEntries(operations, STR)
        self.maps = BatchMaps(operations, MAP)
        self.sets = BatchSets(operations, SET)

    @property
    def place(self) -> Place | None:
        """The place of the batch in the log, once it is carried out."""
        return self._operations.place
