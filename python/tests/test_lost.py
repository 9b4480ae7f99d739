"""Connections that break: what is repeated, and what a caller learns."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any, Callable

import httpx
import pytest

from kvs_client import (
    AsyncClient,
    InvalidRequest,
    KvsError,
    NoResponse,
    NotSent,
    OutcomeUnknown,
    Refused,
    TooLarge,
    Unavailable,
    UnexpectedResponse,
)

from .raw_server import CUT, PLACE, SILENCE, RawServer, Reply, done, problem, reply

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .conftest import MakeClient

pytestmark = pytest.mark.anyio

Use = Callable[[AsyncClient], "Awaitable[Any]"]


async def put(client: AsyncClient) -> object:
    return await client.ints.put("key", 1)


async def read(client: AsyncClient) -> object:
    return await client.ints.get("key")


async def write_batch(client: AsyncClient) -> object:
    async with client.batch() as batch:
        batch.ints.get("key")
        batch.ints.put("key", 1)
    return None


async def read_batch(client: AsyncClient) -> object:
    async with client.batch() as batch:
        found = batch.ints.get("key")
    return found.result()


WRITES: list[Use] = [
    put,
    write_batch,
    lambda client: client.ints.delete("key"),
    lambda client: client.ints.incr("key"),
    lambda client: client.ints.touch("key", 60),
    lambda client: client.maps.patch("key", {"a": "1"}),
    lambda client: client.maps.put_field("key", "a", "1"),
    lambda client: client.maps.delete_field("key", "a"),
    lambda client: client.sets.add("key", "a"),
    lambda client: client.sets.remove("key", "a"),
    lambda client: client.sets.change("key", add=["a"]),
]
READS: list[Use] = [
    read,
    read_batch,
    lambda client: client.ints.entry("key"),
    lambda client: client.ints.exists("key"),
    lambda client: client.maps.get_field("key", "a"),
    lambda client: client.sets.has("key", "a"),
]

HALF = Reply(done(200, "12345").data[:-3], closes=True)


async def outcome(make: MakeClient, use: Use, *replies: Reply, **options: Any) -> tuple[object, int]:
    """What comes of a call, and how many requests the server has got."""
    with RawServer(*replies) as server:
        async with make(server.url, **options) as client:
            try:
                return await use(client), len(server.requests)
            except KvsError as error:
                return error, len(server.requests)


@pytest.mark.parametrize("use", WRITES)
@pytest.mark.parametrize("lost", [CUT, HALF], ids=["cut", "half"])
async def test_a_write_without_response_is_not_repeated(make: MakeClient, use: Use, lost: Reply) -> None:
    error, requests = await outcome(make, use, lost, retries=5, idempotency=False)
    assert isinstance(error, OutcomeUnknown)
    assert error.problem is None
    assert isinstance(error.__cause__, httpx.TransportError)
    assert requests == 1


UNKNOWN = problem(504, "outcome-unknown", outcome="unknown")


@pytest.mark.parametrize("lost", [CUT, HALF, UNKNOWN, reply(502, "<html>")], ids=["cut", "half", "504", "proxy"])
async def test_a_write_is_repeated_with_its_key(make: MakeClient, lost: Reply) -> None:
    with RawServer(lost, problem(503, "unavailable", retry_after_ms=1), lost, done(204), done(204)) as server:
        async with make(server.url, retries=3) as client:
            assert not (await client.ints.put("key", 1)).created
            await client.ints.put("key", 1)
    keys = [headers["idempotency-key"] for headers in server.headers]
    assert [keys[0]] * 4 == keys[:4]
    assert keys[4] != keys[0]


async def test_only_a_response_settles_what_became_of_a_write(make: MakeClient) -> None:
    not_now = problem(503, "unavailable", retry_after_ms=1)
    for last in (problem(412, "condition"), problem(403, "forbidden"), not_now, CUT):
        error, requests = await outcome(make, put, UNKNOWN, not_now, last, retries=2)
        assert isinstance(error, OutcomeUnknown)
        assert error.problem is not None
        assert requests == 3
    error, requests = await outcome(make, put, problem(412, "condition"), retries=2)
    assert isinstance(error, Refused)
    assert requests == 1


@pytest.mark.parametrize(("status", "name"), [(413, "too-large"), (503, "too-many-keys")])
async def test_what_the_server_would_not_keep_has_no_key(make: MakeClient, status: int, name: str) -> None:
    refusal = problem(status, name, retry_after_ms=1)
    with RawServer(refusal, done(204)) as server:
        async with make(server.url, retries=0) as client:
            await client.ints.put("key", 1)
    assert ["idempotency-key" in headers for headers in server.headers] == [True, False]
    error, requests = await outcome(make, put, refusal, refusal, retries=0)
    assert isinstance(error, (TooLarge, Unavailable))
    assert requests == 2


async def test_reads_have_no_key(make: MakeClient) -> None:
    for use in READS:
        with RawServer(problem(400, "malformed")) as server:
            async with make(server.url) as client:
                with pytest.raises(KvsError):
                    await use(client)
        assert ["idempotency-key" in headers for headers in server.headers] == [False]


@pytest.mark.parametrize("use", READS)
async def test_a_read_without_response_is_repeated(make: MakeClient, use: Use) -> None:
    error, requests = await outcome(make, use, CUT, CUT, CUT, retries=2)
    assert isinstance(error, NoResponse)
    assert requests == 3
    error, requests = await outcome(make, use, CUT, retries=0)
    assert isinstance(error, NoResponse)
    assert requests == 1


async def test_a_repeated_read_succeeds(make: MakeClient) -> None:
    assert await outcome(make, read, CUT, HALF, done(200, "7")) == (7, 3)


async def test_silence_is_not_repeated(make: MakeClient) -> None:
    error, requests = await outcome(make, put, SILENCE, timeout=0.1)
    assert isinstance(error, OutcomeUnknown)
    assert requests == 1
    error, requests = await outcome(make, read, SILENCE, timeout=0.1)
    assert isinstance(error, NoResponse)
    assert requests == 1


async def test_without_a_connection_nothing_is_sent(make: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    for use in (put, read):
        async with make(url, retries=1) as client:
            with pytest.raises(NotSent):
                await use(client)


NOT_NOW = problem(503, "unavailable", {"Retry-After": "1"}, retry_after_ms=1, outcome="none")
BARE_NOT_NOW = reply(503, "too many connections; try again later", {"Retry-After": "0"})
TOO_MANY = problem(429, "too-many-attempts", retry_after_ms=1, outcome="none")


@pytest.mark.parametrize("refusal", [NOT_NOW, BARE_NOT_NOW, TOO_MANY], ids=["503", "503 of no path", "429"])
async def test_what_has_not_happened_is_repeated(make: MakeClient, refusal: Reply) -> None:
    created, requests = await outcome(make, lambda client: client.ints.put("key", 1), refusal, refusal, done(201))
    assert requests == 3
    assert created.created  # type: ignore[attr-defined]
    error, requests = await outcome(make, put, refusal, refusal, retries=1)
    assert isinstance(error, Unavailable)
    assert requests == 2


async def test_a_long_pause_is_left_to_the_caller(make: MakeClient) -> None:
    for refusal in (problem(503, "unavailable", {"Retry-After": "5"}), problem(429, "x", retry_after_ms=5000)):
        error, requests = await outcome(make, put, refusal)
        assert isinstance(error, Unavailable)
        assert (error.retry_after, requests) == (5.0, 1)


async def test_the_server_does_not_know_the_outcome(make: MakeClient) -> None:
    for said in (problem(504, "outcome-unknown", outcome="unknown"), problem(503, "x", outcome="unknown")):
        error, requests = await outcome(make, put, said, idempotency=False)
        assert isinstance(error, OutcomeUnknown)
        assert requests == 1
        assert error.problem is not None
        assert error.problem.outcome == "unknown"


@pytest.mark.parametrize("status", [400, 409, 500, 501, 503, 504])
async def test_the_outcome_counts_whatever_the_status(make: MakeClient, status: int) -> None:
    for use in (put, write_batch):
        error, _ = await outcome(make, use, problem(status, "x"), retries=0)
        assert isinstance(error, Refused)
        assert error.problem.outcome == "none"
        error, _ = await outcome(make, use, problem(status, "x", outcome="unknown"), retries=0)
        assert isinstance(error, OutcomeUnknown)


async def test_each_operation_of_a_batch_has_its_outcome(make: MakeClient) -> None:
    results = [
        json.loads(problem(503, "x", outcome=said).data.partition(b"\r\n\r\n")[2]) for said in ("none", "unknown")
    ]

    async def use(client: AsyncClient) -> list[KvsError]:
        async with client.batch(atomic=False) as batch:
            pending = [batch.ints.put("key", 1), batch.ints.put("key", 2)]
        errors = []
        for each in pending:
            with pytest.raises(KvsError) as caught:
                each.result()
            errors.append(caught.value)
        return errors

    errors, _ = await outcome(make, use, done(200, json.dumps({"results": results})))
    assert [type(error) for error in errors] == [Unavailable, OutcomeUnknown]  # type: ignore[attr-defined]


@pytest.mark.parametrize("moment", ["soon", "2026-11-29T17:00:00+01:00", ""])
async def test_an_expiry_that_is_no_time(make: MakeClient, moment: str) -> None:
    headers = {"ETag": '"etag"', "Kvs-Expires": moment, **PLACE}
    error, _ = await outcome(make, put, reply(201, "", headers))
    assert isinstance(error, OutcomeUnknown)
    error, _ = await outcome(make, lambda client: client.ints.entry("key"), reply(200, "1", headers))
    assert isinstance(error, UnexpectedResponse)


HTML = {"Content-Type": "text/html"}


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_an_error_of_a_proxy_says_nothing_about_a_write(make: MakeClient, status: int) -> None:
    error, requests = await outcome(make, put, reply(status, "<html>", HTML), idempotency=False)
    assert isinstance(error, OutcomeUnknown)
    assert requests == 1
    error, requests = await outcome(make, read, reply(status, "<html>", HTML))
    assert isinstance(error, Unavailable)
    assert requests == 1


@pytest.mark.parametrize("status", [200, 201, 204, 302, 304])
async def test_something_else_answers(make: MakeClient, status: int) -> None:
    page = reply(status, "" if status in {204, 304} else "<html>", {"Location": "/login", **HTML})
    error, _ = await outcome(make, put, page)
    assert isinstance(error, OutcomeUnknown)
    error, _ = await outcome(make, lambda client: client.ints.entry("key"), page)
    assert isinstance(error, UnexpectedResponse)


@pytest.mark.parametrize(
    ("namespace", "body"),
    [
        ("ints", "true"),
        ("uints", "1.5"),
        ("floats", '"1"'),
        ("maps", "[]"),
        ("maps", '{"a":1}'),
        ("sets", "{}"),
        ("sets", "["),
    ],
)
async def test_a_value_of_another_type(make: MakeClient, namespace: str, body: str) -> None:
    error, _ = await outcome(make, lambda client: getattr(client, namespace).get("key"), done(200, body))
    assert isinstance(error, UnexpectedResponse)


async def test_a_missing_page_is_not_a_missing_entry(make: MakeClient) -> None:
    uses: list[Use] = [read, lambda client: client.ints.exists("key"), lambda client: client.ints.delete("key")]
    for use in uses:
        error, _ = await outcome(make, use, reply(404, "", HTML))
        assert isinstance(error, InvalidRequest)
        assert error.problem.status == 404
    error, _ = await outcome(make, read, problem(404, "no-path"))
    assert isinstance(error, InvalidRequest)
    assert error.problem.type == "no-path"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        '{"results":[]}',
        '{"results":[{}]}',
        '{"results":[{"status":500}]}',
        '{"results":[1]}',
        '{"results":[{"status":201,"etag":"etag","expires_at":1}]}',
        "[]",
    ],
)
async def test_a_batch_with_odd_results(make: MakeClient, body: str) -> None:
    async def use(client: AsyncClient) -> None:
        async with client.batch() as batch:
            batch.ints.put("key", 1)

    error, _ = await outcome(make, use, done(200, body))
    assert isinstance(error, OutcomeUnknown)
