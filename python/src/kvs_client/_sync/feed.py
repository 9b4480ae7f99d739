# Made by tools/unasync.py from _async/feed.py; do not edit.
"""The feed, which goes on by itself when its connection breaks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from .._core.feed import Failure, Lines, pause
from .._core.retry import Attempts
from .._feed import Step
from .._stop import Stop

if TYPE_CHECKING:
    from types import TracebackType

    import httpx
    from typing_extensions import Self

    from .._core.feed import FeedCalls
    from .._core.retry import TransportError
    from .._errors import KvsError
    from .connection import Connection

DEFAULT_SILENCE: Final = 30.0


class Feed(Iterator[Step]):
    """Steps, as they become durable: in order, each once and whole.

    Whatever breaks the connection, the feed goes on after its `token`: it tries again until it is closed, with pauses
    of up to 2 s, or what the server asks for, up to 30 s. Only its first connection has no more attempts than other
    requests have. It raises

    - `NoLongerKept` if the log no longer keeps what comes after the token; `Gone` if it is another log;
    - `NoLog`, `Unauthorized`, `Forbidden`, `InvalidRequest` as any request does.

    It holds a connection: use it as a context manager, or close it. Entering it opens the connection, so that a feed
    from now on begins there; otherwise the first step that is asked for does. One thread or task at a time may ask for
    steps. Any may close it, which ends the iteration, also one that waits. A task whose wait was cancelled may ask
    again: no step is lost, but a new connection is made.
    """

    def __init__(
        self, connection: Connection, calls: FeedCalls, after: str | None, silence: float, *, bookmarks: bool
    ) -> None:
        self._connection = connection
        self._calls = calls
        self._silence = silence
        self._bookmarks = bookmarks
        self._stop = Stop()
        self._turn = threading.Lock()
        self._response: httpx.Response | None = None
        self._chunks: Iterator[bytes] | None = None
        self._lines = Lines()
        self._told: deque[Step] = deque()
        self._has_begun = False
        self._is_done = False
        self._failures = 0
        self._attempts = Attempts(calls.after(after), connection.settings.retries)
        self.token = after
        """The place up to which all steps were returned, from which a feed goes on; `None` if it has not begun.

        It is the token of the last step, or a later one, after changes that are not wanted. Store it when the last
        step is processed.
        """
        self.error: Exception | None = None
        """What has broken the connection; `None` while there is one."""

    def close(self) -> None:
        """End the iteration, and close the connection."""
        self._stop.set()
        self._release()

    def __enter__(self) -> Self:
        self._in_turn(only_open=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Step:
        step = self._in_turn(only_open=False)
        if step is None:
            raise StopIteration
        return step

    def _in_turn(self, *, only_open: bool) -> Step | None:
        if not self._turn.acquire(blocking=False):
            raise RuntimeError("another thread or task waits for this feed")
        try:
            return self._next(only_open=only_open)
        except BaseException:
            self._drop()
            raise
        finally:
            self._turn.release()
            if self._stop.is_set:
                self._release()

    def _next(self, *, only_open: bool) -> Step | None:
        """The next step; `None` if there is none, or nothing is wanted but a connection."""
        while not self._stop.is_set:
            if self._told:
                step = self._told.popleft()
                self.token = step.token
                if step.changes or self._bookmarks:
                    return step
                continue
            if self._is_done or (only_open and self._chunks is not None):
                return None
            try:
                self._advance()
            except Failure as error:
                self._drop()
                # What came before the end is told first; what has ended it will be there again.
                if not self._stop.is_set and not self._told:
                    self._stop.pause(self._pause(error))
        return None

    def _advance(self) -> None:
        """Open a connection, or read what has come."""
        if self._chunks is None:
            with self._stop.waiting(None):
                call = self._calls.after(self.token)
                self._response, begin = self._connection.open(call, self._silence)
                self.token = begin
                self._chunks = self._response.iter_bytes()
                self._lines = Lines()
                self._has_begun = True
                self.error = None
            return
        chunk = None
        with self._stop.waiting(self._response):
            chunk = self._read(self._chunks)
        if chunk is not None:
            try:
                self._told.extend(self._lines.steps(chunk))
            finally:
                if self._lines.has_told:
                    self._failures = 0
        elif self._calls.ends(self._lines):
            self._is_done = True
            self._drop()
        elif not self._stop.is_set:
            raise self._calls.broken()

    def _read(self, chunks: Iterator[bytes]) -> bytes | None:
        """What has come; `None` at the end."""
        try:
            return chunks.__next__()
        except StopIteration:
            return None

    def _pause(self, error: KvsError | TransportError) -> float:
        self._failures += 1
        self.error = error
        call = self._calls.after(self.token)
        if self._has_begun:
            return pause(call, error, self._failures)
        return self._attempts.pause(error)

    def _release(self) -> None:
        """Close the connection, unless somebody waits, who is about to do it."""
        if self._turn.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._turn.release()

    def _drop(self) -> None:
        response, self._response, self._chunks = self._response, None, None
        if response is not None:
            with self._stop.shielded():
                response.close()
