"""A server of the tests' own: the real program, on a free port, with its data in a folder of its own."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from pathlib import Path
from typing import Any

DEADLINE = 30.0


def program() -> Path:
    """The program: `KVS_BIN`, or what cargo has built in this repository."""
    if named := os.environ.get("KVS_BIN"):
        return Path(named)
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parents[2] / "target"))
    for profile in ("release", "debug"):
        if (built := target / profile / "kvs").exists():
            return built
    raise FileNotFoundError(f"no kvs in {target}: build it with cargo, or name one with KVS_BIN")


class Server:
    """A running server, with its log in a folder, or without one. It ends with its `with` block."""

    def __init__(
        self, folder: Path | None, *arguments: str, scheme: str = "http", address: str = "127.0.0.1:0"
    ) -> None:
        command: list[str | Path] = [
            program(),
            "--http-addr",
            address,
            "--frame-addr",
            "127.0.0.1:0",
            "--admin-addr",
            "off",
        ]
        log = f"file:{folder}" if folder else "off"
        command += ["--workers", "1", "--trace-format", "json", "--log", log, *arguments]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._forward, daemon=True).start()
        try:
            self.url = f"{scheme}://{self._address()}"
        except BaseException:
            self._process.kill()
            raise

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(DEADLINE)
        finally:
            self._process.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(DEADLINE)

    def _forward(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._lines.put(json.loads(line) if line.startswith("{") else {"message": line})
        self._lines.put({"message": None})

    def _address(self) -> str:
        said = []
        while True:
            line = self._lines.get(timeout=DEADLINE)
            said.append(line)
            if line["message"] is None:
                raise RuntimeError(f"the server did not start: {said}")
            if line["message"] == "listening":
                return str(line["http_addr"])


def run(*arguments: str | Path) -> str:
    """What a command of the program prints."""
    return subprocess.run([program(), *arguments], check=True, capture_output=True, text=True).stdout
