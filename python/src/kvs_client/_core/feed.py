"""The feed: its call, what its lines mean, and when a broken one is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from .._errors import KvsError, NoResponse, Problem, Unavailable, UnexpectedResponse
from .._feed import Change, SetPatch, Step
from . import paths, problems
from .call import Call
from .responses import OK, mapping, moment, require
from .retry import MAX_PAUSE, failure
from .values import BY_NAME, MAP, SET, loads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from .._feed import MapPatch
    from .retry import TransportError

LINES = "application/x-ndjson"

_OPS = frozenset({"put", "del", "incr", "patch", "touch", "expire"})
_GONE = 410
_FIRST_BACKOFF = 0.1
_MAX_DOUBLINGS = 10
_MAX_RETRY_AFTER = 30.0
_MAX_SHOWN = 200

Failure = (KvsError, httpx.RequestError, httpx.InvalidURL)
"""What may end a connection of the feed."""


@dataclass(frozen=True)
class FeedCalls:
    """Calls for changes that are wanted."""

    type: str | None
    prefix: str
    values: bool
    waits: bool

    def __post_init__(self) -> None:
        if self.type is not None and self.type not in BY_NAME:
            raise ValueError(f"type: expected one of {', '.join(BY_NAME)}, not {self.type!r}")

    def after(self, token: str | None) -> Call[str]:
        """The call for what comes after a place, or from now on. Its result is the place where it begins."""
        parameters = {
            "after": token,
            "type": self.type,
            "prefix": self.prefix or None,
            "values": "true" if self.values else None,
            "wait": None if self.waits else "0",
        }
        given = {name: value for name, value in parameters.items() if value is not None}
        headers = {"Accept": LINES, "Accept-Encoding": "identity"}
        return Call("GET", paths.listing("feed", given), _begin, headers)

    def ends(self, lines: Lines) -> bool:
        """Whether everything was told that is asked for, if a connection has ended as it should."""
        return not self.waits and lines.is_whole

    def broken(self) -> KvsError:
        """The failure of a connection that has ended without a word."""
        return NoResponse("GET /v2/feed: the server has ended the stream")


def _begin(response: httpx.Response) -> str:
    require(response, OK)
    if response.headers["Content-Type"].partition(";")[0].strip() != LINES:
        raise ValueError("not lines of JSON")
    token: str = response.headers["Kvs-Token"]
    return token


@dataclass
class Lines:
    """Makes steps of what one connection sends."""

    has_told: bool = False
    """Whether this connection is of use: it has told a change, or has lived until its second bookmark."""
    is_whole: bool = False
    """Whether the last line was a bookmark: up to there everything was told."""
    _rest: list[bytes] = field(default_factory=list)
    _changes: list[Change] = field(default_factory=list)
    _bookmarks: int = 0

    def steps(self, chunk: bytes) -> Iterator[Step]:
        """The steps that end in a chunk. Raises what the server says of its end."""
        end, *more = chunk.split(b"\n")
        self._rest.append(end)
        for start in more:
            line = b"".join(self._rest)
            self._rest = [start]
            try:
                step = self._read(line)
            except (LookupError, TypeError, ValueError) as error:
                said = f"a line that KVS does not send: {line[:_MAX_SHOWN]!r}"
                raise UnexpectedResponse(said) from error
            if step is not None:
                yield step

    def _read(self, line: bytes) -> Step | None:
        document = mapping(loads(line))
        if document["op"] == "end":
            raise _ended(document)
        if document["op"] == "bookmark":
            if self._changes:
                raise ValueError("a bookmark within a step")
            self._bookmarks += 1
            self.is_whole = True
            self.has_told |= self._bookmarks > 1
            return Step((), _text(document["token"]))
        self.is_whole = False
        self._changes.append(_change(document))
        if document.get("more") is True:
            return None
        step = Step(tuple(self._changes), _text(document["token"]))
        self._changes = []
        self.has_told = True
        return step


def _text(json: object) -> str:
    if isinstance(json, str):
        return json
    raise ValueError("not a text")


def _time(json: object) -> datetime:
    time = moment(json)
    if time is None:
        raise ValueError("no time")
    return time


def _change(document: dict[str, Any]) -> Change:
    of, op, etag = BY_NAME[document["type"]], document["op"], document.get("etag")
    if op not in _OPS:
        raise ValueError(f"an unknown operation: {op}")
    if (etag is None) != (op in {"del", "expire"}):
        raise ValueError("an etag of no entry, or no etag")
    return Change(
        op=op,
        type=of.name,
        key=_text(document["key"]),
        time=_time(document["time"]),
        etag=None if etag is None else _text(etag),
        expires_at=moment(document.get("expires_at")),
        value=of.from_json(document["value"]) if "value" in document else None,
        patch=_patch(of.name, mapping(document["patch"])) if "patch" in document else None,
    )


def _patch(type_name: str, shown: dict[str, Any]) -> MapPatch | SetPatch:
    if type_name == MAP.name:
        return {field: None if text is None else _text(text) for field, text in shown.items()}
    if type_name == SET.name and shown.keys() <= {"add", "remove"}:
        added, removed = (frozenset(SET.from_json(shown.get(name, []))) for name in ("add", "remove"))
        return SetPatch(added, removed)
    raise ValueError("not a patch")


def _ended(document: dict[str, Any]) -> KvsError:
    """The exception for the last line."""
    status = int(document["status"])
    name, title = ("no-longer-kept", "No longer kept") if status == _GONE else ("unavailable", "Unavailable")
    problem = Problem(status, name, title, str(document.get("detail", "")), document=document)
    return problems.error(problem, is_write=False)


def pause(call: Call[Any], error: KvsError | TransportError, failures: int) -> float:
    """How long to wait before a feed that has begun goes on; raises the error for the caller if it cannot."""
    least = 0.0
    if isinstance(error, Unavailable):
        least = min(error.retry_after or 0.0, _MAX_RETRY_AFTER)
    elif isinstance(error, KvsError) and not isinstance(error, NoResponse):
        raise error
    elif isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
        raise failure(call, error) from error
    most = min(_FIRST_BACKOFF * 2.0 ** min(failures - 1, _MAX_DOUBLINGS), MAX_PAUSE)
    # Not all at once, when a server is back that many have followed.
    return max(least, random.uniform(most / 2, most))  # noqa: S311 - no secret
