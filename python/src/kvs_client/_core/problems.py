"""Responses that are errors, and the exceptions for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._errors import (
    ConditionFailed,
    Forbidden,
    Gone,
    InvalidRequest,
    KvsError,
    LimitReached,
    NoLog,
    NoLongerKept,
    NotRepresentable,
    OutcomeUnknown,
    Overflow,
    Problem,
    Refused,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from .responses import NOT_FOUND, mapping
from .values import loads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import httpx

    from .values import Value, ValueType

_MEDIA_TYPE = "application/problem+json"
_TYPES = "/v2/problems/"
_MAX_SHOWN = 200

_SERVER_ERRORS = 500
_UNAVAILABLE = 503
_CONDITION_FAILED = 412

_BY_STATUS: dict[int, type[Refused]] = {
    401: Unauthorized,
    403: Forbidden,
    409: LimitReached,
    410: Gone,
    413: TooLarge,
    422: NotRepresentable,
    429: Unavailable,
    _UNAVAILABLE: Unavailable,
}

_BY_TYPE: dict[str, type[Refused]] = {
    "no-log": NoLog,
    "no-longer-kept": NoLongerKept,
    "overflow": Overflow,
}


def _is_problem(response: httpx.Response) -> bool:
    media_type = str(response.headers.get("Content-Type", "")).partition(";")[0]
    return media_type.strip() == _MEDIA_TYPE


def is_no_entry(response: httpx.Response) -> bool:
    """Whether the server says that there is no such entry, field or member. Another 404 is of something else."""
    if response.status_code != NOT_FOUND or not _is_problem(response):
        return False
    # The response to HEAD has no body that could say more.
    return response.request.method == "HEAD" or problem_of(response).type == "no-entry"


def _number(json: object) -> int | None:
    return json if isinstance(json, int) else None


def problem(document: Mapping[str, Any], *, status: int = 0, headers: Mapping[str, str] | None = None) -> Problem:
    """The problem that a document of the server describes."""
    headers = headers or {}
    type_uri = str(document.get("type", ""))
    milliseconds = _number(document.get("retry_after_ms"))
    seconds = headers.get("Retry-After", "")
    retry_after = float(seconds) if seconds.isdecimal() else None
    outcome = document.get("outcome")
    return Problem(
        status=status or _number(document.get("status")) or 0,
        type=type_uri[len(_TYPES) :] if type_uri.startswith(_TYPES) else "",
        title=str(document.get("title", "")),
        detail=str(document.get("detail", "")),
        request_id=headers.get("X-Request-Id"),
        op=_number(document.get("op")),
        condition=_number(document.get("if")),
        retry_after=retry_after if milliseconds is None else milliseconds / 1000,
        outcome=None if outcome is None else str(outcome),
        document=document,
    )


def problem_of(response: httpx.Response) -> Problem:
    """The problem of a response, whoever has sent it."""
    if _is_problem(response):
        try:
            document = mapping(loads(response.content))
        except ValueError:
            document = {}
    else:
        document = {"detail": response.text[:_MAX_SHOWN].strip()}
    document.setdefault("title", response.reason_phrase)
    return problem(document, status=response.status_code, headers=response.headers)


def error(problem: Problem, *, is_write: bool, types: Sequence[ValueType[Any]] = ()) -> KvsError:
    """The exception for a problem. `types` has the type of the entry that each condition is about."""
    if is_write and not _left_no_trace(problem):
        return OutcomeUnknown(str(problem), problem)
    if problem.status == _CONDITION_FAILED:
        return ConditionFailed(problem, _present_value(problem, types))
    if problem.type in _BY_TYPE:
        return _BY_TYPE[problem.type](problem)
    is_passing = problem.status >= _SERVER_ERRORS and not problem.type
    return _BY_STATUS.get(problem.status, Unavailable if is_passing else InvalidRequest)(problem)


def _left_no_trace(problem: Problem) -> bool:
    """Whether it is sure that a write has not happened. Every problem says so; an error of a proxy does not."""
    if problem.outcome is not None:
        return problem.outcome == "none"
    refused_for_now = problem.status == _UNAVAILABLE and problem.retry_after is not None
    return problem.status < _SERVER_ERRORS or refused_for_now


def _present_value(problem: Problem, types: Sequence[ValueType[Any]]) -> Value | None:
    number = problem.condition or 0
    json = problem.document.get("value")
    if json is None or number >= len(types):
        return None
    try:
        value: Value = types[number].from_json(json)
    except ValueError:
        return None
    return value
