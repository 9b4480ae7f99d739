#!/usr/bin/env python3
"""What others notice of requests with large values.

    bench/large_values.py [ROUNDS=5] [LOG=off|file]

Starts kvs (KVS, or target/release/kvs) for each kind of request. A process of its own sends requests with values of about 16 MB,
packed; meanwhile eight connections, so that some are at each worker, get an int, one request after the other. Printed are the
latencies of these gets in milliseconds, and how long a large request took. Members and fields have 4 bytes, so that
there are as many as possible: 2 million members, 1 million fields.
"""

import gc
import json
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
LOG = sys.argv[2] if len(sys.argv) > 2 else "off"
# 4 bytes of length and 4 of text for each string: just below 16 MiB.
STRINGS = 2_000_000
PROBES = 8


def start(folder):
    log = "off" if LOG == "off" else f"file:{folder}/log"
    kvs = os.environ.get("KVS", "target/release/kvs")
    command = [kvs, "--log", log, "--durability", "async", "--trace-format", "json"]
    command += ["--http-addr", "127.0.0.1:0", "--frame-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        if '"listening"' in line:
            return server, json.loads(line)["http_addr"]
    raise SystemExit("kvs did not start")


def connect(addr):
    host, port = addr.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request(method, path, body=b""):
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def exchange(connection, message):
    connection.sendall(message)
    response = b""
    while b"\r\n\r\n" not in response:
        some = connection.recv(1 << 16)
        assert some, "kvs has closed the connection"
        response += some
    head, body = response.split(b"\r\n\r\n", 1)
    length = re.search(rb"(?i)content-length: (\d+)", head)
    left = int(length.group(1)) - len(body) if length and not message.startswith(b"HEAD") else 0
    while left > 0:
        left -= len(connection.recv(min(left, 1 << 20)))
    assert head.startswith(b"HTTP/1.1 2"), head
    return head


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
        ("put a set over REST v2", [], [request(PUT, "/v2/set/big", everything).replace(b"\r\nHost", b"\r\nContent-Type: application/json\r\nHost", 1)]),
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
        exchange(connection, message)
    ready.set()
    time.sleep(0.2)
    for _ in range(ROUNDS):
        for message in repeated:
            began = time.perf_counter()
            exchange(connection, message)
            took.append(time.perf_counter() - began)
        time.sleep(0.05)
    if not repeated:
        time.sleep(1)


def measure(name, before, repeated):
    with tempfile.TemporaryDirectory() as folder, multiprocessing.Manager() as manager:
        server, addr = start(folder)
        try:
            ready, took = manager.Event(), manager.list()
            sender = multiprocessing.Process(target=send, args=(addr, before, repeated, ready, took))
            sender.start()
            ready.wait()
            probes = [connect(addr) for _ in range(PROBES)]
            exchange(probes[0], request(PUT, f"{V1}/int-put/probe", b"1"))
            get, times = request(GET, f"{V1}/int-get/probe"), []
            gc.disable()
            while sender.is_alive():
                for probe in probes:
                    began = time.perf_counter()
                    exchange(probe, get)
                    times.append(time.perf_counter() - began)
            gc.enable()
            sender.join()
            assert sender.exitcode == 0
            times.sort()
            at = lambda share: times[min(int(len(times) * share), len(times) - 1)] * 1e3
            large = max(took, default=0) * 1e3
            print(f"{name:<34} {len(times):>8} {at(0.5):>8.3f} {at(0.99):>8.3f} {at(0.999):>8.3f} {times[-1] * 1e3:>8.1f} {large:>8.0f}", flush=True)
        finally:
            server.kill()
            server.wait()


def main():
    print(f"# log {LOG}, {ROUNDS} rounds; milliseconds of a get beside them, and the longest of the large requests")
    print(f"# {'':<32} {'gets':>8} {'p50':>8} {'p99':>8} {'p99.9':>8} {'most':>8} {'large':>8}")
    for name, before, repeated in cases():
        measure(name, before, repeated)


main()
