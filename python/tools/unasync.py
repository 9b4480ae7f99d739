"""Makes the blocking client from the one for asyncio. `--check` only tells whether that is to be done."""

from __future__ import annotations

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "src" / "kvs_client"
SOURCE = PACKAGE / "_async"
MADE = PACKAGE / "_sync"

RULES = [
    (r"The client for asyncio and trio\. .*\"\"\"", 'The blocking client."""'),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\b__aenter__\b", "__enter__"),
    (r"\b__aexit__\b", "__exit__"),
    (r"\b__aiter__\b", "__iter__"),
    (r"\b__anext__\b", "__next__"),
    (r"\bStopAsyncIteration\b", "StopIteration"),
    (r"\ba(close|read|iter_bytes)\b", r"\1"),
    (r"\banyio\b", "time"),
    (r"\bAsyncBaseTransport\b", "BaseTransport"),
    (r"\bAsync([A-Z]\w+)", r"\1"),
]


def blocking(name: str, source: str) -> str:
    for pattern, replacement in RULES:
        source = re.sub(pattern, replacement, source)
    # The module of the standard library comes first, in a group of its own.
    source = source.replace(
        "from typing import TYPE_CHECKING, Any, TypeVar\n\nimport time\n",
        "import time\nfrom typing import TYPE_CHECKING, Any, TypeVar\n\n",
    )
    return f"# Made by tools/unasync.py from _async/{name}; do not edit.\n{source}"


def stale() -> dict[Path, str]:
    """The files that are not as they should be, and what they should be."""
    wanted = {MADE / source.name: blocking(source.name, source.read_text()) for source in sorted(SOURCE.glob("*.py"))}
    return {path: text for path, text in wanted.items() if not path.exists() or path.read_text() != text}


def main() -> int:
    files = stale()
    if "--check" in sys.argv[1:]:
        for path in files:
            print(f"{path} is stale; run tools/unasync.py")
        return 1 if files else 0
    MADE.mkdir(exist_ok=True)
    for path, text in files.items():
        path.write_text(text)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
