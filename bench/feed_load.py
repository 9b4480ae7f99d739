#!/usr/bin/env python3
"""What the feed costs those who write, and how late it tells.

    bench/feed_load.py [CONSUMERS=100] [RATE=200000] [SECONDS=8] [ROUNDS=3]

Starts kvs (KVS, or target/release/kvs) with its log in files and --durability async. loadtest (LOADTEST, or the one beside kvs)
puts a million entries at the rate, over frames, alternately with nobody who follows and with the consumers. Each consumer
follows a 256th of the keys over REST, with values. One more follows everything and does not read. Printed for each round: puts a second, CPU time of kvs per put, changes told a second, and the growth of
kvs's memory. Then one put after the other, --durability sync: from its response to the event, in milliseconds.
"""

import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import time

from server import KVS, connect, start

CONSUMERS, RATE, SECONDS, ROUNDS = (
    int(sys.argv[n]) if len(sys.argv) > n else default for n, default in enumerate((100, 200_000, 8, 3), 1)
)
LOADTEST = os.environ.get("LOADTEST", os.path.join(os.path.dirname(KVS), "loadtest"))


def start_with(folder, durability):
    flags = ("--durability", durability, "--admin-addr", "off", "--workers", "2")
    kvs, said = start(f"file:{folder}/log", *flags)
    return kvs, said["http_addr"], said["frame_addr"]


def follow(addr, query):
    connection = connect(addr)
    head = f"GET /v2/feed?{query} HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def resident(pid):
    return int(open(f"/proc/{pid}/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Readers(threading.Thread):
    """Reads all connections, and counts changes."""

    def __init__(self, connections):
        super().__init__(daemon=True)
        self.changes, self.ended = 0, False
        self.selector = selectors.DefaultSelector()
        for connection in connections:
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ)

    def run(self):
        while not self.ended:
            for key, _ in self.selector.select(0.1):
                some = key.fileobj.recv(1 << 18)
                self.changes += some.count(b'"op":"put"')
                if not some:
                    self.selector.unregister(key.fileobj)


def load(frames, seconds, pid):
    report = os.path.join(tempfile.gettempdir(), f"feed_load.{os.getpid()}.json")
    command = [LOADTEST, "--target", f"frames://{frames}", "--mix", "0", "--rate", str(RATE), "--duration", f"{seconds}s"]
    command += ["--preload", "off", "--threads", "1", "--no-pin", "--json", report, "--server-pid", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(report) as file:
        return json.load(file)["result"]


def one_round(addr, frames, pid, consumers):
    connections = [follow(addr, f"values=true&prefix={n % 256:02x}") for n in range(consumers)]
    stopped = follow(addr, "values=true") if consumers else None
    readers = Readers(connections)
    readers.start()
    memory, began = resident(pid), time.monotonic()
    result = load(frames, SECONDS, pid)
    took = time.monotonic() - began
    grown = resident(pid) - memory
    told = readers.changes
    readers.ended = True
    readers.join()
    for connection in connections + ([stopped] if stopped else []):
        connection.close()
    return result, told / took, grown


def latency(addr, count=2000):
    reader, writer, times = follow(addr, "prefix=probe"), connect(addr), []
    rest = reader.recv(65536)
    while b"bookmark" not in rest:
        rest += reader.recv(65536)
    for n in range(count):
        body = str(n).encode()
        head = f"PUT /v2/int/probe HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.sendall(head.encode() + body)
        response = writer.recv(65536)
        answered = time.perf_counter()
        assert b" 20" in response, response
        some = reader.recv(65536)
        times.append(max(time.perf_counter() - answered, 0) * 1e3)
        assert b'"op":"put"' in some, some
    times.sort()
    at = lambda share: times[min(int(len(times) * share), len(times) - 1)]
    print(f"# from the response to a durable put to its event, {count} puts, milliseconds: "
          f"p50 {at(0.5):.3f}, p99 {at(0.99):.3f}, p99.9 {at(0.999):.3f}, most {times[-1]:.3f}")


def main():
    print(f"# bench/feed_load.py {CONSUMERS} {RATE} {SECONDS} {ROUNDS}; {os.cpu_count()} cores")
    print(f"{'':<24} {'puts/s':>10} {'us CPU/put':>11} {'told/s':>10} {'memory MiB':>11}")
    with tempfile.TemporaryDirectory() as folder:
        server, addr, frames = start_with(folder, "async")
        try:
            load(frames, 2, server.pid)
            for _ in range(ROUNDS):
                for consumers in (0, CONSUMERS):
                    result, told, grown = one_round(addr, frames, server.pid, consumers)
                    rate, used = result["throughput"], result["server_us_per_answer"]
                    name = f"{consumers} follow, 1 stopped" if consumers else "nobody follows"
                    print(f"{name:<24} {rate:>10.0f} {used:>11.2f} {told:>10.0f} {grown / 2**20:>11.1f}")
        finally:
            server.kill()
            server.wait()
    with tempfile.TemporaryDirectory() as folder:
        server, addr, _ = start_with(folder, "sync")
        try:
            latency(addr)
        finally:
            server.kill()
            server.wait()


main()
