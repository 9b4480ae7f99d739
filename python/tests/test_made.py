"""The blocking client is made from the one for asyncio."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import kvs_client
from kvs_client import ConditionFailed, KvsError, OutcomeUnknown, Problem


def test_it_is_up_to_date() -> None:
    tool = Path(__file__).parents[1] / "tools" / "unasync.py"
    subprocess.run([sys.executable, tool, "--check"], check=True)


def test_what_is_exported_is_there() -> None:
    assert len(kvs_client.__all__) == len(set(kvs_client.__all__))
    for name in kvs_client.__all__:
        assert hasattr(kvs_client, name), name


def test_errors_can_be_sent_to_another_process() -> None:
    problem = Problem(412, "condition", "Condition failed", "said", document={"etag": '"x"'})
    failed = pickle.loads(pickle.dumps(ConditionFailed(problem, {"a"})))
    assert (failed.etag, failed.value, str(failed)) == ('"x"', {"a"}, "412 Condition failed: said")
    unknown = pickle.loads(pickle.dumps(OutcomeUnknown("lost", problem)))
    assert (str(unknown), unknown.problem, isinstance(unknown, KvsError)) == ("lost", problem, True)
