"""Listings: the call for a page, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._results import Entry, Listed
from . import paths
from .call import Call
from .options import read_headers
from .responses import OK, document, mapping, place, require, shown_state
from .values import BY_NAME

if TYPE_CHECKING:
    import httpx

    from .._results import Place
    from .values import ValueType

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """A page of a listing."""

    entries: list[T]
    next: str | None
    feed: str | None
    """On the first page: from where the feed tells everything later than the listing."""


@dataclass(frozen=True)
class ListingCalls:
    """A listing of the entries of a type, or of all types."""

    of: ValueType[Any] | None
    prefix: str
    values: bool
    page_size: int | None
    min_token: str | None

    def page(self, cursor: str | None) -> Call[Page[Any]]:
        """The call for the page at a cursor, or for the first."""
        parameters = {
            "prefix": self.prefix or None,
            "values": "true" if self.values else None,
            "limit": None if self.page_size is None else str(self.page_size),
            "cursor": cursor,
        }
        given = {name: value for name, value in parameters.items() if value is not None}
        path = paths.listing(self.of.name if self.of else "keys", given)
        return Call("GET", path, self._parse, read_headers(self.min_token))

    def _parse(self, response: httpx.Response) -> Page[Any]:
        require(response, OK)
        page, at = document(response), place(response)
        return Page([self._entry(mapping(shown), at) for shown in page["entries"]], page.get("next"), page.get("feed"))

    def _entry(self, shown: dict[str, Any], at: Place) -> Listed:
        of = self.of or BY_NAME[shown["type"]]
        facts = (of.name, shown["key"], *shown_state(shown, at))
        return Entry(*facts, of.from_json(shown["value"])) if self.values else Listed(*facts)
