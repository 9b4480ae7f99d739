"""Calls about an entry of any type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._results import Entry, Place, Put, Written
from . import paths
from .call import JSON, TEXT, Call
from .options import changed_ttl_text, put_ttl_text, read_headers
from .responses import CREATED, NO_CONTENT, NOT_FOUND, NOT_MODIFIED, OK, is_status, place, state
from .values import STR, ValueType, dumps, loads

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from .options import ChangedTtl, Ttl, Write

V = TypeVar("V")
T = TypeVar("T")


def if_found(response: httpx.Response, found: int, result: Callable[[httpx.Response], T]) -> T | None:
    """The result, or `None` if there is no such entry, field or member."""
    return result(response) if is_status(response, found, NOT_FOUND) else None


def put_result(response: httpx.Response) -> Put:
    return Put(*state(response), is_status(response, CREATED, NO_CONTENT))


def written(response: httpx.Response) -> Written:
    return Written(*state(response))


class EntryCalls(Generic[V]):
    """Calls about entries of one type."""

    def __init__(self, of: ValueType[V]) -> None:
        self.of = of

    def get(self, key: str, min_token: str | None) -> Call[V | None]:
        def parse(response: httpx.Response) -> V | None:
            return if_found(response, OK, self._value)

        return Call("GET", self._path(key), parse, read_headers(min_token))

    def entry(self, key: str, min_token: str | None) -> Call[Entry[V] | None]:
        def result(response: httpx.Response) -> Entry[V]:
            return self._entry(key, response)

        return Call("GET", self._path(key), lambda response: if_found(response, OK, result), read_headers(min_token))

    def refresh(self, entry: Entry[V]) -> Call[Entry[V] | None]:
        def parse(response: httpx.Response) -> Entry[V] | None:
            if response.status_code == NOT_MODIFIED:
                return entry
            return if_found(response, OK, lambda found: self._entry(entry.key, found))

        return Call("GET", self._path(entry.key), parse, {"If-None-Match": entry.etag})

    def exists(self, key: str, min_token: str | None) -> Call[bool]:
        def parse(response: httpx.Response) -> bool:
            return is_status(response, OK, NOT_FOUND)

        return Call("HEAD", self._path(key), parse, read_headers(min_token))

    def put(self, key: str, value: V, ttl: Ttl | None, options: Write) -> Call[Put]:
        headers = options.headers(put_ttl_text(ttl))
        return self._write("PUT", self._path(key), put_result, headers, self._body(value))

    def delete(self, key: str, options: Write) -> Call[Place | None]:
        def parse(response: httpx.Response) -> Place | None:
            return if_found(response, NO_CONTENT, place)

        return self._write("DELETE", self._path(key), parse, options.headers())

    def touch(self, key: str, ttl: Ttl | None, options: Write) -> Call[Written | None]:
        return self._patch(key, {}, lambda response: if_found(response, OK, written), ttl, options)

    def _patch(
        self, key: str, change: object, parse: Callable[[httpx.Response], T], ttl: ChangedTtl, options: Write
    ) -> Call[T]:
        headers = options.headers(changed_ttl_text(ttl))
        return self._write("PATCH", self._path(key), parse, headers, (dumps(change), JSON))

    def _write(
        self,
        method: str,
        path: str,
        parse: Callable[[httpx.Response], T],
        headers: dict[str, str],
        body: tuple[bytes, str] | None = None,
    ) -> Call[T]:
        content = None
        if body is not None:
            content, headers["Content-Type"] = body
        return Call(method, path, parse, headers, content, is_write=True, types=(self.of,))

    def _path(self, key: str) -> str:
        return paths.entry(self.of.name, key)

    def _body(self, value: V) -> tuple[bytes, str]:
        json = self.of.to_json(value)
        return (str(json).encode(), TEXT) if self._is_text() else (dumps(json), JSON)

    def _value(self, response: httpx.Response) -> V:
        json: Any = response.content.decode() if self._is_text() else loads(response.content)
        return self.of.from_json(json)

    def _is_text(self) -> bool:
        return self.of.name == STR.name

    def _entry(self, key: str, response: httpx.Response) -> Entry[V]:
        return Entry(self.of.name, key, *state(response), self._value(response))
