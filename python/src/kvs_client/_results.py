"""What operations return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

V = TypeVar("V")


@dataclass(frozen=True)
class Place:
    """A place in the server's log: of a write its own, of a read what it is at least as new as.

    Without a log, `lsn` and `durable_lsn` are 0.
    """

    token: str
    """Opaque. A read with this `min_token` sees the write."""
    lsn: int
    """The same as a number, which means something within one log only."""
    durable_lsn: int
    """The last place that was on disk when the response was made."""


@dataclass(frozen=True)
class Written:
    """A write that has happened."""

    etag: str
    """The state of the entry after it."""
    place: Place
    expires_at: datetime | None
    """When the entry ends, in UTC; `None` if it does not expire. Of a field or member, when its map or set does."""


@dataclass(frozen=True)
class Put(Written):
    """A put that has happened."""

    created: bool
    """Whether there was no such entry, field or member before."""


@dataclass(frozen=True)
class Incremented(Written):
    """An increment that has happened."""

    before: int
    value: int


@dataclass(frozen=True)
class MapChange(Written):
    """A patch of a map that has happened."""

    set: int
    """How many fields were set."""
    deleted: int
    """How many fields were there and are deleted."""


@dataclass(frozen=True)
class SetChange(Written):
    """A change of a set that has happened."""

    added: int
    """How many members are new."""
    removed: int
    """How many members were there and are removed."""


@dataclass(frozen=True)
class Found(Generic[V]):
    """A value that a batch has read."""

    value: V
    etag: str
    place: Place
    expires_at: datetime | None
    """When the entry ends, in UTC; `None` if it does not expire."""


@dataclass(frozen=True)
class Listed:
    """An entry of a listing without values."""

    type: str
    """`"int"`, `"uint"`, `"float"`, `"str"`, `"map"` or `"set"`."""
    key: str
    etag: str
    place: Place
    expires_at: datetime | None
    """When it ends, in UTC; `None` if it does not expire."""


@dataclass(frozen=True)
class Entry(Listed, Generic[V]):
    """An entry with its value."""

    value: V
