"""What a failed attempt means, and whether there is another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

import httpx

from .._errors import KvsError, NoResponse, NotSent, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from .call import Call

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


def pause(call: Call[Any], error: KvsError | TransportError, attempt: int, retries: int) -> float:
    """How long to wait before the next attempt; raises the error for the caller if there is none."""
    seconds = _pause(call, error, attempt)
    if seconds is not None and seconds <= MAX_PAUSE and attempt <= retries:
        return seconds
    if isinstance(error, KvsError):
        raise error
    raise failure(call, error) from error


def _pause(call: Call[Any], error: KvsError | TransportError, attempt: int) -> float | None:
    if isinstance(error, KvsError):
        return error.retry_after if isinstance(error, Unavailable) else None
    repeats = isinstance(error, httpx.ConnectError) or (isinstance(error, _LOST) and not call.is_write)
    return min(_FIRST_BACKOFF * 2.0 ** (attempt - 1), MAX_PAUSE) if repeats else None
