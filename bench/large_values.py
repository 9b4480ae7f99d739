#!/usr/bin/env python3
"""What others notice of requests with large values.

    bench/large_values.py [ROUNDS=5] [LOG=off|file]

Starts kvs (KVS, or target/release/kvs) for each kind of request. A process of its own sends requests with values of about 16 MB,
packed; meanwhile eight connections, so that some are at each worker, get an int, one request after the other. Printed are the
latencies of these gets in milliseconds, and how long a large request took. Members and fields have 4 bytes, so that
there are as many as possible: 2 million members, 1 million fields.
"""

import gc
import multiprocessing
import sys
import tempfile
import time

from server import connect, exchange, percentiles, request, start

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
LOG = sys.argv[2] if len(sys.argv) > 2 else "off"
# 4 bytes of length and 4 of text for each string: just below 16 MiB.
STRINGS = 2_000_000
PROBES = 8


def done(connection, message):
    head = exchange(connection, message)
    assert head.startswith(b"HTTP/1.1 2"), head


def text(number):
    # Base 36 in four letters: not in order, so that the server has to sort.
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    number = number * 7_919 % 36**4
    return "".join(digits[number // 36**place % 36] for place in range(4))


def bodies():
    # The same strings may come twice; few do.
    strings = [text(number) for number in range(STRINGS)]
    members = lambda part: ("[" + ",".join(f'"{s}"' for s in part) + "]").encode()
    fields = "{" + ",".join(f'"{s}":"{s}"' for s in strings[: STRINGS // 2]) + "}"
    return members(strings), members(strings[::2]), members(strings[1::2]), fields.encode(), b"x" * (16 << 20)


PUT, GET, HEAD, DEL = "PUT", "GET", "HEAD", "DELETE"
V1 = "/kvs/v1-0-0"


def cases():
    everything, even, odd, fields, long = bodies()
    put_set = request(PUT, f"{V1}/set-put/big", everything)
    put_map = request(PUT, f"{V1}/map-put/big", fields)
    put_str = request(PUT, f"{V1}/str-put/big", long)
    # The name, what is done once before, and what is repeated.
    return [
        ("nothing", [], []),
        ("put a set", [], [put_set]),
        ("put a map", [], [put_map]),
        ("put a str", [], [put_str]),
        ("put a set over REST v2", [], [request(PUT, "/v2/set/big", everything, [("Content-Type", "application/json")])]),
        ("add half of a set to the other", [], [request(PUT, f"{V1}/set-put/big", even), request(PUT, f"{V1}/set-add/big", odd)]),
        ("remove half of a set", [], [put_set, request(PUT, f"{V1}/set-rem/big", odd)]),
        ("delete a set", [], [put_set, request(DEL, f"{V1}/set-del/big")]),
        ("get a set", [put_set], [request(GET, f"{V1}/set-get/big")]),
        ("get a map", [put_map], [request(GET, f"{V1}/map-get/big")]),
        ("get a str", [put_str], [request(GET, f"{V1}/str-get/big")]),
        ("get a map over REST v2", [put_map], [request(GET, "/v2/map/big?entry")]),
        ("HEAD of a set", [put_set], [request(HEAD, f"{V1}/set-get/big")]),
        ("one field of a large map", [put_map], [request(PUT, f"{V1}/map-set/big/field", b"x"), request(GET, f"{V1}/map-get/big")]),
    ]


def send(addr, before, repeated, ready, took):
    connection = connect(addr)
    for message in before:
        done(connection, message)
    ready.set()
    time.sleep(0.2)
    for _ in range(ROUNDS):
        for message in repeated:
            began = time.perf_counter()
            done(connection, message)
            took.append(time.perf_counter() - began)
        time.sleep(0.05)
    if not repeated:
        time.sleep(1)


def measure(name, before, repeated):
    with tempfile.TemporaryDirectory() as folder, multiprocessing.Manager() as manager:
        log = "off" if LOG == "off" else f"file:{folder}/log"
        server, said = start(log, "--durability", "async", "--admin-addr", "off")
        addr = said["http_addr"]
        try:
            ready, took = manager.Event(), manager.list()
            sender = multiprocessing.Process(target=send, args=(addr, before, repeated, ready, took))
            sender.start()
            ready.wait()
            probes = [connect(addr) for _ in range(PROBES)]
            done(probes[0], request(PUT, f"{V1}/int-put/probe", b"1"))
            get, times = request(GET, f"{V1}/int-get/probe"), []
            gc.disable()
            while sender.is_alive():
                for probe in probes:
                    began = time.perf_counter()
                    done(probe, get)
                    times.append(time.perf_counter() - began)
            gc.enable()
            sender.join()
            assert sender.exitcode == 0
            large = max(took, default=0) * 1e3
            p50, p99, p999, most = percentiles(times)
            print(f"{name:<34} {len(times):>8} {p50:>8.3f} {p99:>8.3f} {p999:>8.3f} {most:>8.1f} {large:>8.0f}", flush=True)
        finally:
            server.kill()
            server.wait()


def main():
    print(f"# log {LOG}, {ROUNDS} rounds; milliseconds of a get beside them, and the longest of the large requests")
    print(f"# {'':<32} {'gets':>8} {'p50':>8} {'p99':>8} {'p99.9':>8} {'most':>8} {'large':>8}")
    for name, before, repeated in cases():
        measure(name, before, repeated)


main()
