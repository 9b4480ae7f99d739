"""The feed over connections that break, and from servers that say odd things."""

from __future__ import annotations

import json
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from kvs_client import AsyncClient, Client, InvalidRequest, NoLongerKept, Step, Unavailable, UnexpectedResponse
from kvs_client._core.feed import Lines

from .raw_server import CUT, SILENCE, RawServer, Reply, problem, reply
from .server import DEADLINE

if TYPE_CHECKING:
    from .conftest import MakeClient

pytestmark = pytest.mark.anyio

HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nKvs-Token: {}\r\nKvs-Lsn: 0\r\n"
    "Transfer-Encoding: chunked\r\n\r\n"
)


def change(key: str, token: str | None, **members: Any) -> dict[str, Any]:
    end = {"more": True} if token is None else {"token": token}
    said = {"op": "put", "type": "int", "key": key, "time": "2026-11-30T02:39:18.562972Z", "etag": '"x"', **members}
    return {**said, **end}


def bookmark(token: str) -> dict[str, Any]:
    return {"op": "bookmark", "token": token}


def stream(begin: str, *documents: dict[str, Any] | bytes, ends: bool = False, cuts: bool = True) -> Reply:
    """The response of a feed, which ends as it should, is cut, or stays silent."""
    data = HEAD.format(begin).encode()
    for document in documents:
        line = document if isinstance(document, bytes) else json.dumps(document).encode() + b"\n"
        data += b"%x\r\n%s\r\n" % (len(line), line)
    return Reply(data + (b"0\r\n\r\n" if ends else b""), closes=cuts)


def keys(steps: list[Step]) -> list[str]:
    return [" ".join(change.key for change in step.changes) for step in steps]


async def told(make: MakeClient, count: int, *replies: Reply, **options: Any) -> tuple[list[Step], list[str]]:
    """So many steps, and the places that the requests have named."""
    silence = options.pop("silence", DEADLINE)
    with RawServer(*replies) as server:
        async with make(server.url, **options) as client:
            with anyio.fail_after(DEADLINE):
                async with client.feed(silence=silence) as feed:
                    steps = [await feed.__anext__() for _ in range(count)]
                    assert feed.token == steps[-1].token
            return steps, [line.partition("after=")[2].partition(" ")[0] for line in server.requests]


async def test_a_step_that_is_cut_is_told_once(make: MakeClient) -> None:
    cut = stream("t0", change("a", "t1"), change("b", None), change("c", None))
    whole = stream("t1", change("b", None), change("c", None), change("d", "t2"), cuts=False)
    steps, asked = await told(make, 2, cut, cut, whole)
    # The second reply begins anew, as a server would that is asked for what comes after t1.
    assert keys(steps) == ["a", "a"]
    steps, asked = await told(make, 2, cut, whole)
    assert keys(steps) == ["a", "b c d"]
    assert asked == ["", "t1"]


@pytest.mark.parametrize(
    "lost",
    [
        CUT,
        stream("t1"),
        stream("t1", ends=True),
        stream("t1", b'{"op":"put","type":"in'),
        stream("t1", bookmark("t1"), {"op": "end", "status": 503, "detail": "the log has failed"}, ends=True),
        problem(503, "unavailable", retry_after_ms=1),
        problem(429, "too-many-attempts", retry_after_ms=1),
        reply(502, "<html>", {"Content-Type": "text/html"}),
    ],
    ids=["cut", "nothing", "end", "half a line", "said", "503", "429", "proxy"],
)
async def test_it_goes_on(make: MakeClient, lost: Reply) -> None:
    begin, end = stream("t0", change("a", "t1")), stream("t1", change("b", "t2"), cuts=False)
    steps, asked = await told(make, 2, begin, lost, lost, end, retries=0)
    assert keys(steps) == ["a", "b"]
    assert asked == ["", "t1", "t1", "t1"]


async def test_silence_is_the_end_of_a_connection(make: MakeClient) -> None:
    silent = stream("t0", change("a", "t1"), cuts=False)
    steps, asked = await told(make, 2, silent, SILENCE, stream("t1", change("b", "t2"), cuts=False), silence=0.1)
    assert keys(steps) == ["a", "b"]
    assert asked == ["", "t1", "t1"]


async def test_the_place_of_a_feed_from_now_on(make: MakeClient) -> None:
    steps, asked = await told(make, 1, stream("t7"), stream("t7", change("a", "t8"), cuts=False))
    assert keys(steps) == ["a"]
    assert asked == ["", "t7"]


async def test_what_came_before_the_end_is_told(make: MakeClient) -> None:
    end = {"op": "end", "status": 410, "oldest": "t9"}
    gone = problem(410, "no-longer-kept", oldest="t9")
    documents = [change("a", "t1"), change("b", "t2"), end]
    together = b"".join(json.dumps(document).encode() + b"\n" for document in documents)
    for first in (stream("t0", *documents, ends=True), stream("t0", together, ends=True)):
        with RawServer(first, stream("t2", end), gone) as server:
            async with make(server.url) as client, client.feed() as feed:
                assert keys([await feed.__anext__(), await feed.__anext__()]) == ["a", "b"]
                for _ in range(2):  # also for who asks again
                    with pytest.raises(NoLongerKept) as caught:
                        await feed.__anext__()
                    assert caught.value.oldest == "t9"
                assert feed.token == "t2"


async def test_without_waiting_the_end_is_a_bookmark(make: MakeClient) -> None:
    replies = [
        stream("t0", change("a", "t1")),
        stream("t1", bookmark("t1"), change("b", "t2"), ends=True),
        stream("t2", bookmark("t2")),
        stream("t2", change("c", "t3"), bookmark("t4"), ends=True),
    ]
    with RawServer(*replies) as server:
        async with make(server.url) as client, client.feed("t0", wait=False) as feed:
            assert keys([step async for step in feed]) == ["a", "b", "c"]
            assert feed.token == "t4"
            assert len(server.requests) == 4
            assert [step async for step in feed] == []


async def test_the_first_connection_has_the_attempts_of_a_request(make: MakeClient) -> None:
    not_now = problem(503, "unavailable", retry_after_ms=1)
    steps, _ = await told(make, 1, not_now, not_now, stream("t0", change("a", "t1"), cuts=False), retries=2)
    assert keys(steps) == ["a"]
    with RawServer(not_now, not_now) as server:
        async with make(server.url, retries=1) as client:
            with pytest.raises(Unavailable):
                await client.feed().__anext__()
            assert len(server.requests) == 2


@pytest.mark.parametrize(
    "line",
    [
        b"x\n",
        b"\n",
        b"[]\n",
        b"{}\n",
        b'{"op":"bookmark"}\n',
        json.dumps(change("a", "t", op="rename")).encode() + b"\n",
        json.dumps(change("a", "t", type="list")).encode() + b"\n",
        json.dumps(change("a", "t", time=None)).encode() + b"\n",
        json.dumps(change("a", "t", value="1")).encode() + b"\n",
        json.dumps(change("a", "t", patch={"a": "1"})).encode() + b"\n",
        json.dumps(change("a", "t", op="del")).encode() + b"\n",
        json.dumps(change("a", None)).encode() + b"\n" + json.dumps(bookmark("t")).encode() + b"\n",
    ],
)
async def test_odd_lines(make: MakeClient, line: bytes) -> None:
    with pytest.raises(UnexpectedResponse):
        await told(make, 1, stream("t0", line, cuts=False))


async def test_odd_responses(make: MakeClient) -> None:
    with pytest.raises(UnexpectedResponse):
        await told(make, 1, reply(200, "<html>", {"Content-Type": "text/html"}))
    with pytest.raises(UnexpectedResponse):
        await told(make, 1, reply(200, "", {"Content-Type": "application/x-ndjson"}))
    with pytest.raises(InvalidRequest):
        await told(make, 1, problem(404, "no-path"))


def test_lines_may_come_in_any_parts() -> None:
    documents = [change("ü", None), change("b", "t1"), bookmark("t2"), change("c", "t3", value=7)]
    data = b"".join(json.dumps(document, ensure_ascii=False).encode() + b"\n" for document in documents)
    expected = list(Lines().steps(data))
    assert [(len(step.changes), step.token) for step in expected] == [(2, "t1"), (0, "t2"), (1, "t3")]
    for size in range(1, len(data)):
        lines = Lines()
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        assert [step for part in parts for step in lines.steps(part)] == expected


async def test_closing_ends_the_wait_for_a_response() -> None:
    with RawServer(SILENCE) as server:
        async with AsyncClient(server.url) as client:
            with anyio.fail_after(DEADLINE):
                feed = client.feed()
                async with anyio.create_task_group() as tasks:

                    async def wait() -> None:
                        assert [step async for step in feed] == []

                    tasks.start_soon(wait)
                    while not server.requests:
                        await anyio.lowlevel.checkpoint()
                    await feed.aclose()


@pytest.mark.parametrize("closes", [False, True])
def test_a_signal_interrupts_the_wait(closes: bool) -> None:
    class InterruptedWait(BaseException):
        pass

    def handle(*_: object) -> None:
        if not closes:
            raise InterruptedWait
        feed.close()

    def interrupt() -> None:
        while feed._stop._socket is None:  # noqa: SLF001
            pass
        os.kill(os.getpid(), signal.SIGUSR1)

    begin, end = stream("t0", change("a", "t1"), cuts=False), stream("t1", change("b", "t2"), cuts=False)
    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with RawServer(begin, end) as server, Client(server.url) as client, client.feed(silence=DEADLINE) as feed:
            assert keys([next(feed)]) == ["a"]
            thread = threading.Thread(target=interrupt)
            thread.start()
            if closes:
                assert list(feed) == []
            else:
                with pytest.raises(InterruptedWait):
                    next(feed)
                assert keys([next(feed)]) == ["b"]
            thread.join(DEADLINE)
    finally:
        signal.signal(signal.SIGUSR1, before)
