#!/usr/bin/env bash
# Two builds of kvs beside each other: server CPU time per operation and memory per entry, alternating, so that a change can be shown
# to cost nothing. Needs jq, and release builds of both.
#
#   bench/two_builds.sh OLD_KVS NEW_KVS [ROUNDS=5] [TIME=2s] [CELLS=.]
#
# Each server runs on core 0, the load on core 1. In each round of a cell both servers are started and filled with the same entries (a
# server's hash function is random, and costs a few percent more or less until it ends); then the load goes to one and to the other. CELLS is a regular expression for the names of cells. Printed are the medians in microseconds of server CPU per operation (least to most), and new / old.
set -euo pipefail
old=$(realpath "$1") new=$(realpath "$2") rounds=${3:-5} time=${4:-2s} cells=${5:-.}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
loadtest=${LOADTEST:-target/release/loadtest}
[[ -x $loadtest ]] || { echo "$loadtest is not there: cargo build --release --workspace" >&2; exit 2; }
CPU='1000000 / .result.answers_per_cpu_second'
work=$(mktemp -d)
pids=()
stop() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; wait 2>/dev/null || true; pids=(); }
trap 'stop; rm -rf "$work"' EXIT

# start NAME PROGRAM: sets the variables NAME_pid, NAME_http, NAME_frames.
start() {
  local log="$work/$1.log"
  : > "$log"
  taskset -c 0 "$2" --log off --workers 1 --http-addr 127.0.0.1:0 --frame-addr 127.0.0.1:0 --trace-format json 2> "$log" &
  local pid=$!
  pids+=("$pid")
  until grep -q '"listening"' "$log"; do kill -0 "$pid" || { cat "$log" >&2; exit 1; }; sleep 0.05; done
  eval "$1_pid=$pid"
  eval "$1_http=$(jq -r 'select(.message == "listening") | .http_addr' "$log")"
  eval "$1_frames=$(jq -r 'select(.message == "listening") | .frame_addr' "$log")"
}

# measure PID URL FILE ARGS...: CPU microseconds per operation.
measure() {
  local pid=$1 url=$2 file=$3
  shift 3
  taskset -c 1 "$loadtest" --target "$url" --server-pid "$pid" --threads 1 --no-pin --preload off --warmup 200ms --duration "$time" --json "$file" "$@" \
    > /dev/null 2>&1
  jq "$CPU" "$file"
}

# fill ADDRESS ARGS...: stores every key once.
fill() {
  local address=$1
  shift
  "$loadtest" --target "frames://$address" --mix 0 --depth 64 --connections 4 --preload on --duration 100ms --warmup 1ms --no-pin "$@" > /dev/null 2>&1
}

median() { sort -g | awk '{v[NR]=$1} END {printf "%.3f (%.3f to %.3f)", v[int((NR+1)/2)], v[1], v[NR]}'; }

cell() {
  local name=$1 scheme=$2 which=$3
  shift 3
  [[ $name =~ $cells ]] || return 0
  : > "$work/old"; : > "$work/new"
  local side pid address
  for _ in $(seq "$rounds"); do
    start old "$old"
    start new "$new"
    for side in old new; do
      address="${side}_frames"
      fill "${!address}" "$@"
    done
    for side in old new; do
      pid="${side}_pid" address="${side}_$which"
      measure "${!pid}" "$scheme://${!address}" "$work/json" "$@" >> "$work/$side"
    done
    stop
  done
  local ratio
  ratio=$(paste "$work/old" "$work/new" | awk '{print $2 / $1}' | median)
  echo "$name: old $(median < "$work/old") us, new $(median < "$work/new") us, new / old $ratio"
}

memory() {
  local side before after pid target
  start old "$old"
  start new "$new"
  for side in old new; do
    pid="${side}_pid" target="${side}_frames"
    before=$(awk '/VmRSS/ {print $2 * 1024}' "/proc/${!pid}/status")
    fill "${!target}" --keys 1000000
    after=$(awk '/VmRSS/ {print $2 * 1024}' "/proc/${!pid}/status")
    echo "memory of an int, 1 M keys of 16 bytes, $side: $(( (after - before) / 1000000 )) bytes ($(awk "BEGIN {print ($after - $before) / 1000000}"))"
  done
  stop
}

grep -m1 'model name' /proc/cpuinfo; uname -r
"$old" --version; "$new" --version
memory
for depth in 1 16 128; do
  connections=$(( depth == 1 ? 32 : depth == 16 ? 16 : 4 ))
  cell "frames GET, depth $depth" frames frames --mix 100 --depth $depth --connections $connections
  cell "frames SET, depth $depth" frames frames --mix 0 --depth $depth --connections $connections
done
cell "frames GET, depth 16, str of 64 bytes" frames frames --mix 100 --depth 16 --connections 16 --value str
cell "frames SET, depth 16, str of 64 bytes" frames frames --mix 0 --depth 16 --connections 16 --value str
cell "REST GET" rest http --mix 100 --depth 1 --connections 32
cell "REST PUT" rest http --mix 0 --depth 1 --connections 32
