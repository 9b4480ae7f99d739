"""What goes wrong, by what it means for the caller."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._core.values import Value


@dataclass(frozen=True)
class Problem:
    """What the server says about a request that it did not carry out."""

    status: int
    """The status of HTTP."""
    type: str
    """The short name of the kind of problem, such as `"condition"`; empty if the response is not one of KVS."""
    title: str
    detail: str
    request_id: str | None = None
    """The id by which the server's logs know the request."""
    op: int | None = None
    """Which operation of a batch it is about, from 0."""
    condition: int | None = None
    """Which condition of a batch it is about, from 0."""
    retry_after: float | None = None
    """Seconds after which the request may succeed."""
    outcome: str | None = None
    """`"none"`: the request left no trace; `"unknown"`: it may have happened; `None`: the server does not say."""
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The whole document."""

    def __str__(self) -> str:
        said = f"{self.status} {self.title}: {self.detail}" if self.detail else f"{self.status} {self.title}"
        return f"{said} (request {self.request_id})" if self.request_id else said


class KvsError(Exception):
    """Anything that this package raises because of a request."""


class NotSent(KvsError):
    """No connection could be made. Nothing has happened."""


class NoResponse(KvsError):
    """A read got no response: the connection broke, or the time was over. A read changes nothing."""


class OutcomeUnknown(KvsError):
    """A write was sent, and nobody can say whether it has happened.

    Either the connection broke or the time was over before a response came, or the server said so itself.
    Read before you repeat what counts twice, such as an increment.
    """

    def __init__(self, message: str, problem: Problem | None = None) -> None:
        super().__init__(message, problem)
        self.problem = problem
        """What the server said, if it said something."""

    def __str__(self) -> str:
        return str(self.args[0])


class UnexpectedResponse(KvsError):
    """A read got a response that KVS does not give: something else answers at this address."""


class Refused(KvsError):
    """The server has refused the request. It left no trace."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem
        """What the server said."""


class Unavailable(Refused):
    """Not now (503, 429). Nothing has happened; `retry_after` says when it may succeed."""

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the request may succeed; `None` if the server did not say."""
        return self.problem.retry_after


class Unauthorized(Refused):
    """No valid token (401)."""


class Forbidden(Refused):
    """The identity may not do that (403)."""


class ConditionFailed(Refused):
    """A condition does not hold (412). `etag` and `value` are those of the entry as it is now."""

    def __init__(self, problem: Problem, value: Value | None = None) -> None:
        super().__init__(problem)
        self.args = (problem, value)
        self.value = value
        """The present value; `None` if there is no entry, or the server does not tell (too large, or not readable)."""

    @property
    def etag(self) -> str | None:
        """The present etag; `None` if there is no entry."""
        etag = self.problem.document.get("etag")
        return etag if isinstance(etag, str) else None

    def __str__(self) -> str:
        return str(self.problem)


class LimitReached(Refused):
    """An increment would lead beyond its `min` or `max` (409)."""

    @property
    def value(self) -> int | None:
        """The present value, if the server tells it."""
        value = self.problem.document.get("value")
        return value if isinstance(value, int) else None


class Overflow(LimitReached):
    """An increment would lead beyond what the type can hold (409)."""


class Gone(Refused):
    """A listing or a token is of a server that was started anew, or of another log (410). Begin anew."""


class NoLongerKept(Gone):
    """The log no longer keeps the changes after a token of the feed (410). Begin anew with a listing."""

    @property
    def oldest(self) -> str | None:
        """The token from which a feed can go on, without those in between; `None` if the server does not tell."""
        oldest = self.problem.document.get("oldest")
        return oldest if isinstance(oldest, str) else None


class NoLog(Refused):
    """The server runs without a log, so it has no feed (409)."""


class InvalidRequest(Refused):
    """The request is not one that this server takes."""


class TooLarge(InvalidRequest):
    """Beyond a limit of the server (413): a body, a value, a number of operations, or a response."""

    @property
    def limit(self) -> int | None:
        """The limit, if the server tells it."""
        limit = self.problem.document.get("limit")
        return limit if isinstance(limit, int) else None


class NotRepresentable(InvalidRequest):
    """Well-formed, but it cannot be stored (422): out of range, or with NUL in it."""
