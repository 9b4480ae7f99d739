#!/usr/bin/env bash
# What checkpoints do to the disk and to a start: 1 M int keys overwritten for TIME, with a log in files, with and without checkpoints.
#
#   bench/churn.sh [TIME=60s]
#
# Needs jq, and release builds of kvs and loadtest. Prints the size of the log's folder and how long the next start takes, and the writes'
# latency.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:-60s} target=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2> /dev/null || true; rm -rf "$work"' EXIT

# start FLAGS...: sets pid and address; prints what was recovered.
start() {
  : > "$work/said"
  "$target/kvs" --log "file:$work/log" --durability async --http-addr 127.0.0.1:0 --frame-addr 127.0.0.1:0 --trace-format json "$@" 2> "$work/said" &
  pid=$!
  until grep -q '"listening"' "$work/said"; do kill -0 "$pid" || { cat "$work/said" >&2; exit 1; }; sleep 0.05; done
  address=$(jq -r 'select(.message == "listening") | .frame_addr' "$work/said")
  jq -c 'select(.message | test("recovered|loaded")) | {message, entries, records, bytes, seconds, records_per_second} | del(.[] | nulls)' "$work/said"
}

stop() { kill -KILL "$pid"; wait "$pid" 2> /dev/null || true; pid=; }

for after in never 64MiB; do
  echo "--checkpoint-after $after, --retain 256MiB"
  rm -rf "$work/log"
  start --checkpoint-after "$after" --retain 256MiB
  "$target/loadtest" --target "frames://$address" --mix 0 --keys 1000000 --depth 16 --connections 16 --duration "$time" --rate 100000 --no-pin \
    --json "$work/json" > /dev/null 2>&1
  jq -c '.result | {answers, throughput, latency_us}' "$work/json"
  grep -c '"wrote a checkpoint"' "$work/said" | sed 's/^/checkpoints: /' || true
  jq -c 'select(.message == "wrote a checkpoint") | {entries, bytes, seconds}' "$work/said" | tail -1
  jq -c 'select(.level == "WARN")' "$work/said"
  echo "resident: $(awk '/VmRSS/ {print $2}' "/proc/$pid/status") KiB, most: $(awk '/VmHWM/ {print $2}' "/proc/$pid/status") KiB"
  stop
  echo "folder: $(du -sk "$work/log" | cut -f1) KiB"
  start --checkpoint-after never
  stop
done
