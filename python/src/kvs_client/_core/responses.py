"""What the parts of a response mean.

Each function raises LookupError, TypeError or ValueError for what KVS does not send.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Optional

from .._results import Place
from .values import loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

State = tuple[str, Place, Optional[datetime]]
"""An entry but for its value: its etag, its place in the log, when it expires."""

OK = 200
CREATED = 201
NO_CONTENT = 204
NOT_MODIFIED = 304
NOT_FOUND = 404


def is_status(response: httpx.Response, yes: int, no: int) -> bool:
    """Whether the status is `yes`; it must be one of the two."""
    return {yes: True, no: False}[response.status_code]


def require(response: httpx.Response, status: int) -> None:
    if response.status_code != status:
        raise ValueError(f"status {response.status_code} instead of {status}")


def state(response: httpx.Response) -> State:
    """What the headers tell about an entry."""
    headers = response.headers
    return headers["ETag"], place(response), moment(headers.get("Kvs-Expires"))


def shown_state(shown: Mapping[str, Any], at: Place) -> State:
    """What a result of a batch, or an entry of a listing, tells about an entry."""
    return shown["etag"], at, moment(shown.get("expires_at"))


def place(response: httpx.Response) -> Place:
    headers = response.headers
    return Place(headers["Kvs-Token"], int(headers["Kvs-Lsn"]), int(headers["Kvs-Durable-Lsn"]))


def document(response: httpx.Response) -> dict[str, Any]:
    """The body, which is an object of JSON."""
    return mapping(loads(response.content))


def mapping(json: object) -> dict[str, Any]:
    if isinstance(json, dict):
        return json
    raise ValueError("not an object")


def moment(text: object) -> datetime | None:
    """A time of RFC 3339 in UTC."""
    if text is None:
        return None
    if not isinstance(text, str) or not text.endswith("Z"):
        raise ValueError(f"not a time in UTC: {text!r}")
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc)
