"""Each example runs as a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example(url: str, name: str) -> None:
    environment = {**os.environ, "KVS_URL": url}
    said = subprocess.run(
        [sys.executable, EXAMPLES / name], env=environment, check=True, capture_output=True, text=True
    )
    assert said.stdout
    assert not said.stderr
