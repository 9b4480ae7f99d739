"""The types of values, and their forms in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Union

if TYPE_CHECKING:
    from collections.abc import Callable

Value = Union[int, float, str, dict[str, str], set[str]]
"""A value of any type."""

V = TypeVar("V")


@dataclass(frozen=True)
class ValueType(Generic[V]):
    """A type of values: its name, and how its values become JSON and come back."""

    name: str
    to_json: Callable[[V], object]
    from_json: Callable[[object], V]


def dumps(document: object) -> bytes:
    """JSON in UTF-8. Raises ValueError for what JSON has no form for: infinities, NaN, lone surrogates."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def loads(body: bytes) -> Any:
    return json.loads(body.decode())


def _integer(document: object) -> int:
    if isinstance(document, int) and not isinstance(document, bool):
        return document
    raise ValueError("not an integer")


def _float(document: object) -> float:
    if isinstance(document, (int, float)) and not isinstance(document, bool):
        return float(document)
    raise ValueError("not a number")


def _text(document: object) -> str:
    if isinstance(document, str):
        return document
    raise ValueError("not a text")


def _fields(document: object) -> dict[str, str]:
    if isinstance(document, dict):
        return {_text(field): _text(value) for field, value in document.items()}
    raise ValueError("not an object")


def _members(document: object) -> set[str]:
    if isinstance(document, list):
        return {_text(member) for member in document}
    raise ValueError("not an array")


def _sorted(members: set[str]) -> list[str]:
    if isinstance(members, str):
        raise TypeError("expected a set of texts, not a text")
    return sorted(members)


INT: ValueType[int] = ValueType("int", index, _integer)
UINT: ValueType[int] = ValueType("uint", index, _integer)
FLOAT: ValueType[float] = ValueType("float", float, _float)
STR: ValueType[str] = ValueType("str", _text, _text)
MAP: ValueType[dict[str, str]] = ValueType("map", dict, _fields)
SET: ValueType[set[str]] = ValueType("set", _sorted, _members)

BY_NAME: dict[str, ValueType[Any]] = {of.name: of for of in (INT, UINT, FLOAT, STR, MAP, SET)}
