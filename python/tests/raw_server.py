"""A server that answers with scripted bytes, and cuts connections where the script says so."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import BufferedReader


@dataclass(frozen=True)
class Reply:
    """What comes after a request: bytes, and whether the connection is then closed."""

    data: bytes = b""
    closes: bool = False


CUT = Reply(closes=True)
SILENCE = Reply()

PLACE = {"Kvs-Token": "token", "Kvs-Lsn": "1", "Kvs-Durable-Lsn": "1"}


def reply(status: int, body: str = "", headers: dict[str, str] | None = None) -> Reply:
    lines = [f"HTTP/1.1 {status} Said"]
    if status != 204:
        lines.append(f"Content-Length: {len(body.encode())}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return Reply("\r\n".join([*lines, "", body]).encode())


def done(status: int, body: str = "") -> Reply:
    """The response of a server that has carried out a request."""
    return reply(status, body, {"ETag": '"etag"', "Content-Type": "application/json", **PLACE})


def problem(
    status: int, name: str, headers: dict[str, str] | None = None, *, outcome: str = "none", **members: object
) -> Reply:
    document = {"type": f"/v2/problems/{name}", "title": name, "status": status, "detail": "said", "outcome": outcome}
    document.update(members)
    return reply(status, json.dumps(document), {"Content-Type": "application/problem+json", **(headers or {})})


class RawServer:
    """Gives each request the next reply of its script. `requests` has the first line of each, `headers` the headers."""

    def __init__(self, *replies: Reply) -> None:
        self._replies = iter(replies)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> RawServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # This wakes the thread that accepts, which closing alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as stream:
                while self._read(stream):
                    scripted = next(self._replies, CUT)
                    connection.sendall(scripted.data)
                    if scripted.closes:
                        break
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _read(self, stream: BufferedReader) -> bool:
        """Read a whole request; `False` if there is none."""
        first = stream.readline().decode().strip()
        if not first:
            return False
        headers = {}
        while line := stream.readline().decode().strip().lower():
            name, _, value = line.partition(":")
            headers[name] = value.strip()
        stream.read(int(headers.get("content-length", 0)))
        self.requests.append(first)
        self.headers.append(headers)
        return True
