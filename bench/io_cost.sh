#!/usr/bin/env bash
# io_uring beside epoll: server CPU time per request of the same kvs with `--io uring` and with `--io epoll`, by turns; then the latency of
# a single connection. Needs jq and a release build.
#
#   bench/io_cost.sh [ROUNDS=5] [TIME=1s] [CELLS=.]
#
# Each server runs on core 0 with one worker, the load on core 1. CELLS is a regular expression for the names of cells. Printed are the
# medians (least to most), and the median of the ratios of neighbouring turns. KVS and LOADTEST name other programs.
set -euo pipefail
rounds=${1:-5} time=${2:-1s} cells=${3:-.}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kvs=${KVS:-target/release/kvs} loadtest=${LOADTEST:-target/release/loadtest}
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

# start DRIVER: sets the variables DRIVER_pid, DRIVER_rest, DRIVER_frames.
start() {
  local log="$work/$1.log"
  : > "$log"
  taskset -c 0 "$kvs" --io "$1" --log off --workers 1 --http-addr 127.0.0.1:0 --frame-addr 127.0.0.1:0 --admin-addr off --trace-format json 2> "$log" &
  local pid=$!
  pids+=("$pid")
  until grep -q '"listening"' "$log"; do kill -0 "$pid" || { cat "$log" >&2; exit 1; }; sleep 0.05; done
  eval "$1_pid=$pid"
  eval "$1_rest=$(jq -r 'select(.message == "listening") | .http_addr' "$log")"
  eval "$1_frames=$(jq -r 'select(.message == "listening") | .frame_addr' "$log")"
}

# measure DRIVER SCHEME FIELD ARGS...: one figure of the result.
measure() {
  local driver=$1 scheme=$2 field=$3 pid="$1_pid" address="$1_$2"
  shift 3
  taskset -c 1 "$loadtest" --target "$scheme://${!address}" --server-pid "${!pid}" --threads 1 --no-pin --preload off --keys 100000 \
    --warmup 200ms --duration "$time" --json "$work/json" "$@" > /dev/null 2>&1
  jq "$field" "$work/json"
}

median() { sort -g | awk '{v[NR]=$1} END {printf "%.2f (%.2f to %.2f)", v[int((NR+1)/2)], v[1], v[NR]}'; }

# cell NAME SCHEME FIELD ARGS...
cell() {
  local name=$1 scheme=$2 field=$3
  shift 3
  [[ $name =~ $cells ]] || return 0
  : > "$work/epoll"; : > "$work/uring"
  for _ in $(seq "$rounds"); do
    for driver in epoll uring; do
      measure "$driver" "$scheme" "$field" "$@" >> "$work/$driver"
    done
  done
  echo "$name: epoll $(median < "$work/epoll"), uring $(median < "$work/uring"), uring / epoll $(paste "$work/epoll" "$work/uring" | awk '{print $2 / $1}' | median)"
}

grep -m1 'model name' /proc/cpuinfo; uname -r
"$kvs" --version
for driver in epoll uring; do
  start "$driver"
  target="${driver}_frames"
  "$loadtest" --target "frames://${!target}" --mix 0 --depth 64 --connections 4 --preload on --duration 100ms --warmup 1ms --no-pin --keys 100000 > /dev/null 2>&1
done
CPU=.result.server_us_per_answer
echo "microseconds of server CPU per request"
for connections in 32 256; do
  cell "REST GET, $connections connections" rest "$CPU" --mix 100 --depth 1 --connections $connections
  cell "REST PUT, $connections connections" rest "$CPU" --mix 0 --depth 1 --connections $connections
  cell "frames GET, depth 1, $connections connections" frames "$CPU" --mix 100 --depth 1 --connections $connections
done
for connections in 8 32; do
  cell "frames GET, depth 16, $connections connections" frames "$CPU" --mix 100 --depth 16 --connections $connections
done
echo "microseconds of latency of one connection, p50"
cell "REST GET, latency" rest .result.latency_us.p50 --mix 100 --depth 1 --connections 1
cell "frames GET, latency" frames .result.latency_us.p50 --mix 100 --depth 1 --connections 1
