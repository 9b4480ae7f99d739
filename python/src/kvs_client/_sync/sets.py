# Made by tools/unasync.py from _async/sets.py; do not edit.
"""Sets and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._core.options import KEEP, Write
from .._core.sets import SetCalls, at_least_one
from .._core.values import SET
from .entries import Entries

if TYPE_CHECKING:
    from collections.abc import Collection

    from .._core.options import ChangedTtl, Etags
    from .._results import SetChange
    from .connection import Connection


class Sets(Entries["set[str]"]):
    """Entries of type set: texts, each once."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, SET)
        self._sets = SetCalls()

    def add(
        self,
        key: str,
        *members: str,
        ttl: ChangedTtl = KEEP,
        if_match: Etags | None = None,
        if_none_match: Etags | None = None,
        durable: bool = False,
    ) -> SetChange:
        """Add members; creates the set if there is none."""
        options = Write(if_match, if_none_match, durable)
        return self._connection.run(self._sets.add(key, members, ttl, options))

    def remove(
        self,
        key: str,
        *members: str,
        if_match: Etags | None = None,
        if_none_match: Etags | None = None,
        durable: bool = False,
    ) -> SetChange | None:
        """Remove members; `None` if there is no such set. A set that loses its last member stays, empty."""
        options = Write(if_match, if_none_match, durable)
        return self._connection.run(self._sets.change(key, (), at_least_one(members), KEEP, options))

    def change(
        self,
        key: str,
        *,
        add: Collection[str] = (),
        remove: Collection[str] = (),
        ttl: ChangedTtl = KEEP,
        if_match: Etags | None = None,
        if_none_match: Etags | None = None,
        durable: bool = False,
    ) -> SetChange | None:
        """Add and remove members in one step; `None` if there is no such set after it."""
        options = Write(if_match, if_none_match, durable)
        return self._connection.run(self._sets.change(key, add, remove, ttl, options))

    def has(self, key: str, member: str, *, min_token: str | None = None) -> bool:
        """Whether the set has this member."""
        return self._connection.run(self._sets.has(key, member, min_token))
