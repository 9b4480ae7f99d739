"""The examples of the README run, one after the other, against a server of their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .server import Server

if TYPE_CHECKING:
    from collections.abc import Callable

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def needs_expiry(block: str) -> bool:
    return "ttl=" in block


def run(folder: Path, wanted: Callable[[str], bool]) -> None:
    names: dict[str, Any] = {}
    with Server(folder / "log") as server:
        for block in filter(wanted, BLOCKS):
            exec(block.replace("http://127.0.0.1:8080", server.url), names)
        names["client"].close()


def test_blocks(tmp_path: Path) -> None:
    assert len(BLOCKS) > 5
    run(tmp_path, lambda block: not needs_expiry(block))


@pytest.mark.usefixtures("expiry")
def test_blocks_about_expiry(tmp_path: Path) -> None:
    run(tmp_path, lambda _: True)
