"""Options of operations, as headers and as members of a batch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final, Literal, Union

ANY: Final = "*"
"""Any state of an entry. `if_match=ANY`: only if there is one. `if_none_match=ANY`: only if there is none."""

Etags = Union[str, Collection[str]]
"""`ANY`, an etag, or several."""

Ttl = Union[int, timedelta]
"""Seconds, or a timedelta."""


class Keep(Enum):
    """The type of `KEEP`."""

    KEEP = "keep"

    def __repr__(self) -> str:
        return self.name


KEEP: Final = Keep.KEEP
"""The expiry of the entry stays as it is."""

ChangedTtl = Union[Ttl, None, Literal[Keep.KEEP]]
"""A time to live; `None`: for ever; `KEEP`: as before."""

TTL_HEADER = "Kvs-Ttl"
_MILLISECOND = timedelta(milliseconds=1)


def ttl_text(ttl: Ttl) -> str:
    """A time to live as the server reads it. A part of a millisecond counts as a whole one."""
    if isinstance(ttl, timedelta):
        milliseconds = -(-ttl // _MILLISECOND)
    elif isinstance(ttl, int):
        milliseconds = ttl * 1000
    else:
        raise TypeError(f"ttl: expected seconds as an int, or a timedelta, not {ttl!r}")
    if milliseconds <= 0:
        raise ValueError(f"ttl: expected a time above 0, not {ttl!r}")
    seconds, rest = divmod(milliseconds, 1000)
    return f"{milliseconds}ms" if rest else f"{seconds}s"


def changed_ttl_text(ttl: ChangedTtl) -> str | None:
    """The same for a change of an entry; `None` if the expiry stays."""
    if ttl is KEEP:
        return None
    return "none" if ttl is None else ttl_text(ttl)


def put_ttl_text(ttl: Ttl | None) -> str | None:
    """The same for a put, which begins without expiry."""
    return None if ttl is None else ttl_text(ttl)


def checked_etag(etag: str) -> str:
    if etag == ANY or (len(etag) > 1 and etag[0] == etag[-1] == '"'):
        return etag
    raise ValueError(f"expected ANY, or an etag as a result has it, in quotes, not {etag!r}")


def _etags(etags: Etags) -> str:
    listed = [etags] if isinstance(etags, str) else list(etags)
    if not listed or (ANY in listed and len(listed) > 1):
        raise ValueError(f"expected ANY, or at least one etag, not {listed!r}")
    return ", ".join(checked_etag(etag) for etag in listed)


@dataclass(frozen=True)
class Write:
    """Options of a write."""

    if_match: Etags | None = None
    if_none_match: Etags | None = None
    durable: bool = False

    def headers(self, ttl: str | None = None) -> dict[str, str]:
        headers = {}
        if self.if_match is not None:
            headers["If-Match"] = _etags(self.if_match)
        if self.if_none_match is not None:
            headers["If-None-Match"] = _etags(self.if_none_match)
        if self.durable:
            headers["Kvs-Durability"] = "sync"
        if ttl is not None:
            headers[TTL_HEADER] = ttl
        return headers


def read_headers(min_token: str | None) -> dict[str, str]:
    return {} if min_token is None else {"Kvs-Min-Token": min_token}
