#!/usr/bin/env python3
"""What transacts cost over frames beside plain puts: server CPU time per request, by turns.

    bench/frames_cost.py [ROUNDS=7] [REQUESTS=100000] [KVS=target/release/kvs]

The server runs on core 0 with one worker and without a log, the load on core 1: 8 connections with one request each at a time
(depth 1). Values are ints under keys of 8 bytes. Printed are the medians in microseconds of server CPU per request (least to
most), and the ratio to the first row of its kind. The CPU time is the scheduler's, in nanoseconds (/proc/PID/task/*/schedstat).
"""

import os
import socket
import statistics
import struct
import sys

from server import connect, start

CONNECTIONS, KEYS, BATCH = 8, 1024, 16
PUT, TRANSACT, INT, PRESENT, TTL = 2, 34, 1, 1, 1
VALUE = struct.pack("<i", 41)


def frame(opcode, ty, key, payload):
    return struct.pack("<IIBBHHH", 16 + len(key) + len(payload), 7, opcode, ty, len(key), 0, 0) + key + payload


def step(key, ttl=None):
    options = b"" if ttl is None else struct.pack("<Q", ttl)
    return struct.pack("<BBHHHI", PUT, INT, len(key), 0 if ttl is None else TTL, 0, len(VALUE)) + options + key + VALUE


def transact(steps, checks=()):
    return frame(TRANSACT, 0, b"", struct.pack("<HH", len(checks), len(steps)) + b"".join(checks) + b"".join(steps))


def present(key):
    return struct.pack("<BBHHH", INT, PRESENT, len(key), 0, 0) + key


def key(n):
    return b"key-%04d" % (n % KEYS)


# Each makes its request number n.
CELLS = {
    "put": lambda n: frame(PUT, INT, key(n), VALUE),
    "transact: a put": lambda n: transact([step(key(n))]),
    "transact: a put if it is there": lambda n: transact([step(key(n))], [present(key(n))]),
    "transact: a put for an hour": lambda n: transact([step(b"ttl-%04d" % (n % KEYS), 3_600_000)]),
    f"transact: {BATCH} puts": lambda n: transact([step(key(n * BATCH + i)) for i in range(BATCH)]),
}


def greeted(addr):
    connection = connect(addr)
    connection.sendall(b"KVSF" + struct.pack("<HH", 1, 0))
    welcome = connection.recv(16, socket.MSG_WAITALL)
    assert welcome[:4] == b"KVSF" and welcome[6:8] == b"\0\0", welcome
    return connection


def cpu(pid):
    """CPU time of all threads, in seconds."""
    tasks = f"/proc/{pid}/task"
    return sum(int(open(f"{tasks}/{task}/schedstat").read().split()[0]) for task in os.listdir(tasks)) / 1e9


def measure(pid, connections, requests, count):
    before = cpu(pid)
    for turn in range(0, count, len(connections)):
        for n, connection in enumerate(connections):
            connection.send(requests[(turn + n) % len(requests)])
        for connection in connections:
            reply = connection.recv(65536)
            # Done, or transacted.
            assert reply[8] in (0, 8), reply
    return (cpu(pid) - before) / count * 1e6


def main():
    rounds, count = (int(arg) for arg in (sys.argv[1:3] + ["7", "100000"][len(sys.argv[1:3]):]))
    kvs = sys.argv[3] if len(sys.argv) > 3 else "target/release/kvs"
    server, said = start("off", "--workers", "1", "--admin-addr", "off", kvs=kvs, under=("taskset", "-c", "0"))
    try:
        os.sched_setaffinity(0, {1})
        connections = [greeted(said["frame_addr"]) for _ in range(CONNECTIONS)]
        requests = {name: [make(n) for n in range(KEYS)] for name, make in CELLS.items()}
        taken = {name: [] for name in CELLS}
        for each in requests.values():
            measure(server.pid, connections, each, KEYS * 2)
        for _ in range(rounds):
            for name, each in requests.items():
                taken[name].append(measure(server.pid, connections, each, count))
        print(f"# microseconds of server CPU per request: median (least to most) of {rounds} rounds of {count} requests, and the ratio to a put")
        base = statistics.median(taken["put"])
        for name, all_of in taken.items():
            middle = statistics.median(all_of)
            print(f"{name:<32} {middle:7.3f} ({min(all_of):.3f} to {max(all_of):.3f})   {middle / base:.2f}")
        of_batch = statistics.median(taken[f"transact: {BATCH} puts"]) / BATCH
        print(f"one put of {BATCH} together            {of_batch:7.3f}   {base / of_batch:.1f} times cheaper than one alone")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
