"""Calls about maps and their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._results import MapChange, Put, Written
from . import paths
from .call import TEXT, Call
from .entries import EntryCalls, if_found, put_result, written
from .options import read_headers
from .responses import NO_CONTENT, OK, State, document, state
from .values import MAP

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from .options import ChangedTtl, Write


def map_change(told: Mapping[str, Any], after: State) -> MapChange:
    return MapChange(*after, set=int(told["set"]), deleted=int(told["deleted"]))


class MapCalls(EntryCalls["dict[str, str]"]):
    """Calls about maps and their fields."""

    def __init__(self) -> None:
        super().__init__(MAP)

    def patch(
        self, key: str, changes: Mapping[str, str | None], ttl: ChangedTtl, options: Write
    ) -> Call[MapChange | None]:
        def result(response: httpx.Response) -> MapChange:
            return map_change(document(response), state(response))

        return self._patch(key, dict(changes), lambda response: if_found(response, OK, result), ttl, options)

    def get_field(self, key: str, field: str, min_token: str | None) -> Call[str | None]:
        def parse(response: httpx.Response) -> str | None:
            return if_found(response, OK, lambda found: found.content.decode())

        return Call("GET", self._element(key, field), parse, read_headers(min_token))

    def put_field(self, key: str, field: str, text: str, options: Write) -> Call[Put]:
        return self._write("PUT", self._element(key, field), put_result, options.headers(), (text.encode(), TEXT))

    def delete_field(self, key: str, field: str, options: Write) -> Call[Written | None]:
        def parse(response: httpx.Response) -> Written | None:
            return if_found(response, NO_CONTENT, written)

        return self._write("DELETE", self._element(key, field), parse, options.headers())

    def _element(self, key: str, field: str) -> str:
        return paths.element(self.of.name, key, field)
