"""A batch: operations that travel together, and their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._errors import KvsError
from . import paths, problems
from .call import JSON, Call
from .options import Write, read_headers
from .responses import OK, document, mapping, place, require
from .values import dumps

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from .._results import Place
    from .values import ValueType

T = TypeVar("T")

_GET = "get"


class Pending(Generic[T]):
    """The result of an operation of a batch, once the batch is carried out."""

    def __init__(self, op: dict[str, Any], parse: Callable[[dict[str, Any], Place], T]) -> None:
        self._op = op
        self._parse = parse
        self._outcome: tuple[T] | KvsError | None = None

    def result(self) -> T:
        """The result. In a batch that is not atomic, raises the error of this operation if it has failed.

        Raises RuntimeError if the batch has not been sent, or has failed.
        """
        if self._outcome is None:
            raise RuntimeError("there is no result: the batch has not been sent, or it has failed")
        if isinstance(self._outcome, KvsError):
            raise self._outcome
        return self._outcome[0]

    def _settle(self, shown: dict[str, Any], at: Place) -> None:
        if "type" in shown:
            self._outcome = problems.error(problems.problem(shown), is_write=self._op["op"] != _GET)
        else:
            self._outcome = (self._parse(shown, at),)


class Operations:
    """The operations and conditions of a batch, in their order."""

    def __init__(self, *, atomic: bool, durable: bool, min_token: str | None) -> None:
        self._atomic = atomic
        self._headers = {**Write(durable=durable).headers(), **read_headers(min_token)}
        self._pending: list[Pending[Any]] = []
        self._conditions: list[dict[str, Any]] = []
        self._condition_types: list[ValueType[Any]] = []
        self._is_sent = False
        self.place: Place | None = None
        """The place of the batch in the log, once it is carried out."""

    def add(self, op: dict[str, Any], parse: Callable[[dict[str, Any], Place], T]) -> Pending[T]:
        self._check_open()
        pending = Pending(op, parse)
        self._pending.append(pending)
        return pending

    def require(self, of: ValueType[Any], key: str, state: dict[str, Any]) -> None:
        self._check_open()
        if not self._atomic:
            raise ValueError("conditions are for batches that are atomic")
        self._conditions.append({"type": of.name, "key": key, **state})
        self._condition_types.append(of)

    def call(self) -> Call[None] | None:
        """The call that carries it out, once; `None` if there is nothing to do."""
        self._check_open()
        self._is_sent = True
        if not self._pending and not self._conditions:
            return None
        ops = [pending._op for pending in self._pending]  # noqa: SLF001
        body: dict[str, Any] = {"ops": ops}
        if not self._atomic:
            body["atomic"] = False
        if self._conditions:
            body["if"] = self._conditions
        is_write = any(op["op"] != _GET for op in ops)
        headers = {**self._headers, "Content-Type": JSON}
        return Call("POST", paths.BATCH, self._parse, headers, dumps(body), is_write, self._condition_types)

    def _check_open(self) -> None:
        if self._is_sent:
            raise RuntimeError("the batch has been sent")

    def _parse(self, response: httpx.Response) -> None:
        require(response, OK)
        results = document(response)["results"]
        if len(results) != len(self._pending):
            raise ValueError(f"{len(results)} results of {len(self._pending)} operations")
        at = place(response)
        for pending, shown in zip(self._pending, results):
            pending._settle(mapping(shown), at)  # noqa: SLF001
        self.place = at
