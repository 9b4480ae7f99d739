"""What a failed attempt means, and whether there is another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, Union

import httpx

from .._errors import KvsError, NoResponse, NotSent, OutcomeUnknown, TooLarge, Unavailable

if TYPE_CHECKING:
    from .call import Call

T = TypeVar("T")

MAX_PAUSE = 2.0
"""The longest pause, in seconds, that is waited for. A longer `retry_after` is left to the caller."""

_FIRST_BACKOFF = 0.1

TransportError = Union[httpx.RequestError, httpx.InvalidURL]
"""What httpx raises if there is no response."""

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_LOST = (httpx.NetworkError, httpx.RemoteProtocolError)


def failure(call: Call[Any], error: TransportError) -> KvsError:
    """What it means that there is no response."""
    said = f"{call.method} {call.path}: {str(error) or type(error).__name__}"
    if isinstance(error, _NOT_SENT):
        return NotSent(said)
    return OutcomeUnknown(said) if call.is_write else NoResponse(said)


class Attempts(Generic[T]):
    """The attempts of a call."""

    def __init__(self, call: Call[T], retries: int) -> None:
        self.call = call
        self._retries = retries
        self._failed = 0
        self._unknown: KvsError | TransportError | None = None

    def pause(self, error: KvsError | TransportError) -> float:
        """How long to wait before the next attempt; raises the error for the caller if there is none.

        Once the outcome of a write is unknown, only a response that it was carried out settles it.
        """
        if self.call.has_key and self._unknown is None and _is_because_of_key(error):
            self.call = self.call.without_key()
            return 0.0
        self._failed += 1
        seconds = _pause(self.call, error, self._failed)
        if self.call.has_key and self._unknown is None and _is_unknown(error):
            self._unknown = error
        if seconds is not None and seconds <= MAX_PAUSE and self._failed <= self._retries:
            return seconds
        raised = self._unknown or error
        if isinstance(raised, KvsError):
            raise raised
        raise failure(self.call, raised) from raised


def _is_because_of_key(error: KvsError | TransportError) -> bool:
    """Whether the server would perhaps carry it out without a key: it does not keep so much for one, or so many."""
    return isinstance(error, TooLarge) or (isinstance(error, Unavailable) and error.problem.type == "too-many-keys")


def _is_unknown(error: KvsError | TransportError) -> bool:
    return isinstance(error, OutcomeUnknown) or not isinstance(error, (KvsError, *_NOT_SENT))


def _pause(call: Call[Any], error: KvsError | TransportError, attempt: int) -> float | None:
    if isinstance(error, Unavailable):
        return error.retry_after
    if isinstance(error, KvsError):
        repeats = isinstance(error, OutcomeUnknown) and error.problem is not None and call.has_key
    else:
        is_lost = isinstance(error, _LOST) and (call.has_key or not call.is_write)
        repeats = isinstance(error, httpx.ConnectError) or is_lost
    return min(_FIRST_BACKOFF * 2.0 ** (attempt - 1), MAX_PAUSE) if repeats else None
