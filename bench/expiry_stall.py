#!/usr/bin/env python3
"""What others notice when many entries expire in the same second.

    bench/expiry_stall.py [ENTRIES=1000000] [LOG=off|file]

Starts kvs (KVS, or target/release/kvs), puts ints that all expire at the same time, and meanwhile gets and puts another entry
over a connection of its own, one request after the other. Printed are the latencies of those requests in milliseconds, in the
two seconds before the entries expire, and from then on until all are removed.
"""

import gc
import re
import sys
import tempfile
import time
import urllib.request

from server import connect, exchange, percentiles, request, start

ENTRIES = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
LOG = sys.argv[2] if len(sys.argv) > 2 else "off"
BATCH = 1_000
BEFORE = 2.0


def expired(admin):
    metrics = urllib.request.urlopen(f"http://{admin}/metrics").read().decode()
    return int(float(re.search(r"^kvs_entries_expired_total (\S+)", metrics, re.M).group(1)))


def shown(name, times):
    print(f"{name:<34} {len(times):>8} " + " ".join(f"{time:>8.3f}" for time in percentiles(times)))


def main():
    with tempfile.TemporaryDirectory() as folder:
        log = "off" if LOG == "off" else f"file:{folder}/log"
        server, said = start(log, "--durability", "async", "--admin-addr", "127.0.0.1:0")
        addr, admin = said["http_addr"], said["admin_addr"]
        try:
            fill = connect(addr)
            end = time.time() + 8 + ENTRIES / 60_000
            for first in range(0, ENTRIES, BATCH):
                lives = int((end - time.time()) * 1e3)
                op = lambda n: f'{{"op":"put","type":"int","key":"key {n}","value":{n},"ttl":"{lives}ms"}}'
                body = ('{"ops":[' + ",".join(op(n) for n in range(first, min(first + BATCH, ENTRIES))) + "]}").encode()
                assert exchange(fill, request("POST", "/v2/batch", body)).startswith(b"HTTP/1.1 200")
            assert time.time() < end - BEFORE, "filling took too long"
            put, get = request("PUT", "/v2/int/probe", b"1"), request("GET", "/v2/int/probe")
            gc.disable()
            time.sleep(max(0, end - BEFORE - time.time()))
            probe = connect(addr)
            before, during, check = [], [], end + 0.5
            while True:
                for message in (put, get):
                    began = time.perf_counter()
                    exchange(probe, message)
                    (before if time.time() < end else during).append(time.perf_counter() - began)
                if time.time() > check:
                    if expired(admin) >= ENTRIES:
                        break
                    check += 0.1
            print(f"# {ENTRIES} entries, log {LOG}; removed {time.time() - end:.1f} s after their deadline, or sooner")
            print(f"# {'milliseconds':<32} {'requests':>8} {'p50':>8} {'p99':>8} {'p99.9':>8} {'most':>8}")
            shown("before", before)
            shown("while they expire", during)
        finally:
            server.kill()
            server.wait()


main()
