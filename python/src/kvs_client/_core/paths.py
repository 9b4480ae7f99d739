"""Paths and queries, percent-encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

BATCH = "/v2/batch"


def _segment(text: str) -> str:
    # A segment of dots would be resolved away as a step in the path.
    return text.replace(".", "%2E") if text in {".", ".."} else quote(text, safe="")


def entry(type_name: str, key: str) -> str:
    return f"/v2/{type_name}/{_segment(key)}"


def element(type_name: str, key: str, name: str) -> str:
    """The path of a field of a map, or of a member of a set."""
    return f"{entry(type_name, key)}/{_segment(name)}"


def listing(name: str, parameters: Mapping[str, str]) -> str:
    """The path of a listing. In the server's queries `+` is a plus sign, so a space is `%20`."""
    query = "&".join(f"{parameter}={quote(value, safe='')}" for parameter, value in parameters.items())
    return f"/v2/{name}?{query}" if query else f"/v2/{name}"
