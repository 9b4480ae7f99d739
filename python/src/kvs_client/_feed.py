"""What the feed tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from datetime import datetime

    from ._core.values import Value


@dataclass(frozen=True)
class SetPatch:
    """Members that were added to a set, or removed from it."""

    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


MapPatch = dict[str, Optional[str]]
"""Fields of a map that were set; `None`: deleted."""


@dataclass(frozen=True)
class Change:
    """A change of one entry."""

    op: str
    """`"put"`, `"del"`, `"incr"`, `"patch"`, `"touch"` (of the expiry alone) or `"expire"`."""
    type: str
    """`"int"`, `"uint"`, `"float"`, `"str"`, `"map"` or `"set"`."""
    key: str
    time: datetime
    """When it happened, in UTC."""
    etag: str | None
    """The state of the entry after it; `None` if there is no entry after it."""
    expires_at: datetime | None
    """When the entry ends, in UTC; `None` if it does not expire, or is gone."""
    value: Value | None = None
    """The value after a put or an increment, if values were asked for."""
    patch: MapPatch | SetPatch | None = None
    """What a patch has changed, if values were asked for."""

    @property
    def removes(self) -> bool:
        """Whether there is no entry after it: it was deleted, or has expired."""
        return self.etag is None

    def apply(self, before: Value | None) -> Value | None:
        """The value after the change, from the one before it; `None`: no entry. Needs a feed with values.

        `before` is not changed.
        """
        if self.removes:
            return None
        if self.op == "touch":
            return before
        if isinstance(self.patch, SetPatch):
            members = before if isinstance(before, set) else set()
            return (members - self.patch.removed) | self.patch.added
        if self.patch is not None:
            fields = {**(before if isinstance(before, dict) else {}), **self.patch}
            return {field: text for field, text in fields.items() if text is not None}
        if self.value is None:
            raise ValueError("the feed was not asked for values")
        return self.value


@dataclass(frozen=True)
class Step:
    """Changes that happened together: one, or those of an atomic batch that are wanted and may be seen."""

    changes: tuple[Change, ...]
    """In their order. None if the step only says how far the feed is."""
    token: str
    """The place after it, from which a feed goes on. To be stored together with what the changes lead to."""
