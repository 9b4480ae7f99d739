"""Ends what a feed waits for, from another thread or task."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import httpx


class Stop:
    """For threads. `set` may be called in any of them, and in a signal handler."""

    def __init__(self) -> None:
        self._event = threading.Event()
        # A signal handler may interrupt the one that holds it.
        self._lock = threading.RLock()
        self._socket: socket.socket | None = None

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        """End what is waited for, now and later."""
        with self._lock:
            self._event.set()
            self._wake()

    @contextmanager
    def waiting(self, response: httpx.Response | None) -> Iterator[None]:
        """Within it, bytes of a response are waited for. What waits for the response itself is not ended."""
        with self._lock:
            self._socket = None if response is None else _socket_of(response)
            if self.is_set:
                self._wake()
        try:
            yield
        finally:
            with self._lock:
                self._socket = None

    def pause(self, seconds: float) -> None:
        self._event.wait(seconds)

    def shielded(self) -> AbstractContextManager[object]:
        """Within it, nothing is ended."""
        return nullcontext()

    def _wake(self) -> None:
        if self._socket is not None:
            # Closing it would not wake the thread that reads. The method of the socket below TLS leaves the state of
            # TLS to that thread.
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class AsyncStop:
    """For tasks of one event loop."""

    def __init__(self) -> None:
        self.is_set = False
        self._scope: anyio.CancelScope | None = None

    def set(self) -> None:
        """End what is waited for, now and later."""
        self.is_set = True
        if self._scope is not None:
            self._scope.cancel()

    @contextmanager
    def waiting(self, _response: httpx.Response | None) -> Iterator[None]:
        """Within it, something is waited for."""
        with anyio.CancelScope() as scope:
            self._scope = scope
            if self.is_set:
                scope.cancel()
            try:
                yield
            finally:
                self._scope = None

    async def pause(self, seconds: float) -> None:
        with self.waiting(None):
            await anyio.sleep(seconds)

    def shielded(self) -> AbstractContextManager[object]:
        """Within it, nothing is cancelled."""
        return anyio.CancelScope(shield=True)


def _socket_of(response: httpx.Response) -> socket.socket | None:
    stream = response.extensions.get("network_stream")
    found = stream.get_extra_info("socket") if stream is not None else None
    return found if isinstance(found, socket.socket) else None
