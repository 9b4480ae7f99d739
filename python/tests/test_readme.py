"""The examples of the README run, one after the other, against a server of their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .server import Server

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_blocks(tmp_path: Path) -> None:
    assert len(BLOCKS) > 5
    names: dict[str, Any] = {}
    with Server(tmp_path / "log") as server:
        for block in BLOCKS:
            exec(block.replace("http://127.0.0.1:8080", server.url), names)
        names["client"].close()
