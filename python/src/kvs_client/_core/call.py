"""A request, and how its response is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import uuid4

from .._errors import KvsError, OutcomeUnknown, UnexpectedResponse
from . import problems
from .responses import NOT_MODIFIED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from .values import ValueType

T = TypeVar("T")

KEY_HEADER = "Idempotency-Key"

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and how its response is read."""

    method: str
    path: str
    """The path with its query, under the base URL."""
    parse: Callable[[httpx.Response], T]
    """Reads a response that succeeds, or says that there is no such entry or that it is not modified."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    is_write: bool = False
    types: Sequence[ValueType[Any]] = ()
    """The type of the entry that each condition is about."""

    @property
    def has_key(self) -> bool:
        """Whether it may be sent again, because the server carries it out once."""
        return KEY_HEADER in self.headers

    def with_key(self) -> Call[T]:
        """The same with an idempotency key that nothing else has, if it is a write."""
        return replace(self, headers={**self.headers, KEY_HEADER: uuid4().hex}) if self.is_write else self

    def without_key(self) -> Call[T]:
        """The same without an idempotency key."""
        return replace(self, headers={name: value for name, value in self.headers.items() if name != KEY_HEADER})

    def read(self, response: httpx.Response) -> T:
        """The result; raises what the response means."""
        expected = response.is_success or response.status_code == NOT_MODIFIED or problems.is_no_entry(response)
        if not expected and response.is_error:
            raise problems.error(problems.problem_of(response), is_write=self.is_write, types=self.types)
        try:
            if expected:
                return self.parse(response)
        except (LookupError, TypeError, ValueError) as error:
            raise self._unexpected(response) from error
        raise self._unexpected(response)

    def _unexpected(self, response: httpx.Response) -> KvsError:
        said = f"{self.method} {self.path}: a response that KVS does not give, with status {response.status_code}"
        return OutcomeUnknown(said) if self.is_write else UnexpectedResponse(said)
