"""Calls about sets and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._results import SetChange
from . import paths
from .call import Call
from .entries import EntryCalls, if_found
from .options import read_headers
from .responses import NO_CONTENT, NOT_FOUND, OK, State, document, is_status, require, state
from .values import SET

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import httpx

    from .options import ChangedTtl, Write


def set_change(told: Mapping[str, Any], after: State) -> SetChange:
    return SetChange(*after, added=int(told["added"]), removed=int(told["removed"]))


def members_body(add: Collection[str], remove: Collection[str]) -> dict[str, list[str]]:
    if isinstance(add, str) or isinstance(remove, str):
        raise TypeError("expected several members, not a text")
    return {"add": list(add), "remove": list(remove)}


def at_least_one(members: Collection[str]) -> Collection[str]:
    if not members:
        raise ValueError("expected at least one member")
    return members


class SetCalls(EntryCalls["set[str]"]):
    """Calls about sets and their members."""

    def __init__(self) -> None:
        super().__init__(SET)

    def add(self, key: str, members: Collection[str], ttl: ChangedTtl, options: Write) -> Call[SetChange]:
        def parse(response: httpx.Response) -> SetChange:
            require(response, OK)
            return _change(response)

        return self._patch(key, members_body(at_least_one(members), ()), parse, ttl, options)

    def change(
        self, key: str, add: Collection[str], remove: Collection[str], ttl: ChangedTtl, options: Write
    ) -> Call[SetChange | None]:
        def parse(response: httpx.Response) -> SetChange | None:
            return if_found(response, OK, _change)

        return self._patch(key, members_body(add, remove), parse, ttl, options)

    def has(self, key: str, member: str, min_token: str | None) -> Call[bool]:
        def parse(response: httpx.Response) -> bool:
            return is_status(response, NO_CONTENT, NOT_FOUND)

        return Call("GET", paths.element(self.of.name, key, member), parse, read_headers(min_token))


def _change(response: httpx.Response) -> SetChange:
    return set_change(document(response), state(response))
