"""A kvs for the scripts beside this file, and connections to it."""

import json
import os
import socket
import subprocess
import threading

KVS = os.environ.get("KVS", "target/release/kvs")


def start(log, *flags, kvs=KVS, under=()):
    """Starts kvs on free ports. Returns the process, and what it says when it listens: `http_addr`, `frame_addr`, `admin_addr`."""
    command = [*under, kvs, "--log", log, "--trace-format", "json"]
    command += ["--http-addr", "127.0.0.1:0", "--frame-addr", "127.0.0.1:0", *flags]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said = []
    for line in server.stderr:
        said.append(line)
        if '"listening"' in line:
            threading.Thread(target=server.stderr.read, daemon=True).start()
            return server, json.loads(line)
    raise SystemExit("kvs did not start:\n" + "".join(said))


def connect(addr):
    host, port = addr.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request(method, path, body=b"", headers=()):
    """The bytes of a request."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def exchange(connection, message):
    """Sends a request, and returns the head of the response, whose body it reads and drops."""
    connection.sendall(message)
    response = received(connection)
    while b"\r\n\r\n" not in response:
        response += received(connection)
    head, body = response.split(b"\r\n\r\n", 1)
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    left = sum(map(int, lengths)) - len(body)
    while left > 0 and not message.startswith(b"HEAD"):
        left -= len(received(connection))
    return head


def received(connection):
    some = connection.recv(1 << 18)
    assert some, "kvs has closed the connection"
    return some


def percentiles(times):
    """p50, p99, p99.9 and the most of times in seconds, in milliseconds."""
    times = sorted(times)
    return [times[min(int(len(times) * share), len(times) - 1)] * 1e3 for share in (0.5, 0.99, 0.999, 1)]
