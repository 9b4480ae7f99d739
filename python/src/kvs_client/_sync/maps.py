# Made by tools/unasync.py from _async/maps.py; do not edit.
"""Maps and their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._core.maps import MapCalls
from .._core.options import KEEP, Write
from .._core.values import MAP
from .entries import Entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._core.options import ChangedTtl, Etags
    from .._results import MapChange, Put, Written
    from .connection import Connection


class Maps(Entries["dict[str, str]"]):
    """Entries of type map: texts by the names of fields. Conditions on a field are about its map."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, MAP)
        self._maps = MapCalls()

    def patch(
        self,
        key: str,
        changes: Mapping[str, str | None],
        *,
        ttl: ChangedTtl = KEEP,
        if_match: Etags | None = None,
        if_none_match: Etags | None = None,
        durable: bool = False,
    ) -> MapChange | None:
        """Set fields, and delete those whose value is `None`, in one step: up to 1,000 of them.

        Creates the map if a field is set; `None` if there is no such map after it.
        """
        options = Write(if_match, if_none_match, durable)
        return self._connection.run(self._maps.patch(key, changes, ttl, options))

    def get_field(self, key: str, field: str, *, min_token: str | None = None) -> str | None:
        """The text of a field; `None` if there is no such map or field."""
        return self._connection.run(self._maps.get_field(key, field, min_token))

    def put_field(
        self,
        key: str,
        field: str,
        text: str,
        *,
        if_match: Etags | None = None,
        if_none_match: Etags | None = None,
        durable: bool = False,
    ) -> Put:
        """Set a field; creates the map if there is none. The expiry of the map stays."""
        options = Write(if_match, if_none_match, durable)
        return self._connection.run(self._maps.put_field(key, field, text, options))

    def delete_field(
        self,
        key: str,
        field: str,
        *,
        if_match: Etags | None = None,
        if_none_match: Etags | None = None,
        durable: bool = False,
    ) -> Written | None:
        """Delete a field; `None` if there was none. A map that loses its last field stays, empty."""
        options = Write(if_match, if_none_match, durable)
        return self._connection.run(self._maps.delete_field(key, field, options))
