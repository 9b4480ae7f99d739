"""A queue of jobs that several workers share. A job is taken by compare-and-set, so exactly one worker has it."""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from kvs_client import Client, ConditionFailed, Entry

JOBS = 20
WORKERS = 4


class JobQueue:
    """Jobs are maps whose keys begin with the queue's name."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.prefix = f"{name}_job_"
        self.done_key = f"{name}_done"

    def add(self, text: str) -> None:
        self.client.maps.put(f"{self.prefix}{uuid.uuid4().hex}", {"text": text, "state": "waiting"})

    def take(self, worker: str) -> Entry[dict[str, str]] | None:
        """A job that nobody else has; `None` if none is left."""
        for job in self.client.maps.list(self.prefix, values=True):
            if job.value["state"] != "waiting":
                continue
            try:
                taken = self.client.maps.patch(job.key, {"state": "taken", "worker": worker}, if_match=job.etag)
            except ConditionFailed:
                continue  # another worker was faster
            if taken is not None:
                return replace(job, etag=taken.etag, place=taken.place, expires_at=taken.expires_at)
        return None

    def finish(self, job: Entry[dict[str, str]]) -> None:
        """Remove the job and count it, in one step, unless somebody has changed it meanwhile."""
        with self.client.batch() as batch:
            batch.maps.require(job.key, job.etag)
            batch.maps.delete(job.key)
            batch.ints.incr(self.done_key)


def work(queue: JobQueue, worker: str) -> list[str]:
    """Take and finish jobs until none is left; returns what was done."""
    texts = []
    while (job := queue.take(worker)) is not None:
        texts.append(job.value["text"])
        queue.finish(job)
    return texts


def main() -> None:
    with Client(os.environ.get("KVS_URL", "http://127.0.0.1:8080")) as client:
        queue = JobQueue(client, f"queue_{uuid.uuid4().hex}")
        for number in range(JOBS):
            queue.add(f"job {number}")

        with ThreadPoolExecutor(WORKERS) as pool:
            done = list(pool.map(work, [queue] * WORKERS, [f"worker {number}" for number in range(WORKERS)]))

        assert sorted(text for texts in done for text in texts) == sorted(f"job {number}" for number in range(JOBS))
        assert client.ints.get(queue.done_key) == JOBS
        assert not list(client.maps.list(queue.prefix))
        print("each job was done once; jobs by worker:", [len(texts) for texts in done])


if __name__ == "__main__":
    main()
