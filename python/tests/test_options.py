"""Options in the form in which they travel."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kvs_client import KEEP
from kvs_client._core.options import Write, changed_ttl_text, ttl_text
from kvs_client._core.responses import moment


@pytest.mark.parametrize(
    ("ttl", "text"),
    [
        (1, "1s"),
        (90, "90s"),
        (timedelta(days=1), "86400s"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(microseconds=1), "1ms"),
        (timedelta(seconds=1, microseconds=1), "1001ms"),
    ],
)
def test_a_time_to_live(ttl: int | timedelta, text: str) -> None:
    assert ttl_text(ttl) == text


def test_what_is_no_time_to_live() -> None:
    for wrong in (0, -1, timedelta(0), timedelta(seconds=-1)):
        with pytest.raises(ValueError, match="ttl"):
            ttl_text(wrong)
    no_ttls: list[Any] = [1.5, "90s", None]
    for no_ttl in no_ttls:
        with pytest.raises(TypeError, match="ttl"):
            ttl_text(no_ttl)


def test_a_change_of_it() -> None:
    assert changed_ttl_text(KEEP) is None
    assert changed_ttl_text(None) == "none"
    assert changed_ttl_text(5) == "5s"


def test_headers_of_a_write() -> None:
    assert Write().headers() == {}
    assert Write(['"a"', '"b"'], "*", durable=True).headers("5s") == {
        "If-Match": '"a", "b"',
        "If-None-Match": "*",
        "Kvs-Durability": "sync",
        "Kvs-Ttl": "5s",
    }


def test_a_moment() -> None:
    read = moment("2026-11-29T17:00:00.123456Z")
    assert read is not None
    assert read.isoformat() == "2026-11-29T17:00:00.123456+00:00"
    assert moment(None) is None
    no_moments: list[object] = ["2026-11-29T17:00:00+01:00", "soonZ", "", 5, True]
    for no_moment in no_moments:
        with pytest.raises(ValueError, match=r"UTC|isoformat"):
            moment(no_moment)
