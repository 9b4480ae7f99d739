#!/usr/bin/env bash
# What checkpoints and backups cost, and what they are good for: a log in files, int keys that are overwritten again and again.
#
#   bench/churn.sh [WRITES=100000000] [KEYS=1000000] [ROUNDS=5] [FLAGS_OF_KVS...]
#
# 1. WRITES writes at full rate: the size of the log's folder meanwhile, how long a start takes after a kill and after an
#    orderly stop, and, for comparison, a start on a log that has nothing but the state (`kvs log copy`).
# 2. Half of the highest rate, by turns without checkpoints, with one after every 16 MiB, and with backups of everything one
#    after the other: latency of the writes, and memory.
#
# Needs jq, and release builds of kvs and loadtest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
writes=${1:-100000000} keys=${2:-1000000} rounds=${3:-5} flags=("${@:4}") target=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d) pid= beside=
cleanup() {
  for each in $pid $beside; do kill -KILL "$each" 2> /dev/null || true; done
  wait 2> /dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

# start FOLDER FLAGS...: sets pid, address and started (seconds until it listens).
start() {
  local folder=$1 began=$EPOCHREALTIME
  : > "$work/said"
  "$target/kvs" --log "file:$folder" --durability async --http-addr 127.0.0.1:0 --frame-addr 127.0.0.1:0 --trace-format json \
    "${flags[@]}" "${@:2}" 2> "$work/said" &
  pid=$!
  until grep -q '"listening"' "$work/said"; do kill -0 "$pid" || { cat "$work/said" >&2; exit 1; }; sleep 0.002; done
  started=$(jq -n "$EPOCHREALTIME - $began")
  address=$(jq -r 'select(.message == "listening") | .frame_addr' "$work/said")
}

stop() { kill -"$1" "$pid"; wait "$pid" 2> /dev/null || true; pid=; }

# load FLAGS...: its result is in $work/json.
load() {
  "$target/loadtest" --target "frames://$address" --mix 0 --keys "$keys" --depth 16 --connections 16 --warmup 0s --no-pin \
    --json "$work/json" "$@" > /dev/null 2>&1
}

status() { awk -v name="$1:" '$1 == name {print $2}' "/proc/$pid/status"; }
size() { du -sk "$work/log" 2> /dev/null | cut -f1; }

echo "== $writes writes over $keys keys, as fast as possible"
start "$work/log"
largest=0 written=0 answered=0 seconds=0
while [ "$written" -lt "$writes" ]; do
  load --duration 5s --seed $((written + 1)) &
  loading=$!
  while kill -0 "$loading" 2> /dev/null; do
    now=$(size) largest=$((now > largest ? now : largest))
    sleep 0.2
  done
  wait "$loading"
  answers=$(jq '.result.answers' "$work/json")
  # Each run stores every key once before it measures.
  written=$((written + keys + answers)) answered=$((answered + answers)) seconds=$((seconds + 5))
done
max=$((answered / seconds))
jq -c 'select(.message == "wrote a checkpoint") | {entries, bytes, seconds}' "$work/said" | jq -sc '{checkpoints: length, last: .[-1]}'
jq -c 'select(.level == "WARN")' "$work/said"
echo "writes: $written; folder: at most $largest KiB, at the end $(size) KiB; resident: $(status VmRSS) KiB, at most $(status VmHWM) KiB"
stop KILL

loaded() { jq -c 'select(.message | test("recovered|loaded")) | {message, entries, records, seconds, records_per_second} | del(.[] | nulls)' "$work/said"; }
echo "== starts"
"$target/kvs" log copy "file:$work/log" "file:$work/state"
start "$work/log"; echo "after a kill: $started s"; loaded; stop TERM
for round in $(seq "$rounds"); do
  start "$work/state" --checkpoint-after never; echo "on a log with nothing but the state: $started s"; loaded; stop KILL
  start "$work/log" --checkpoint-after never; echo "after an orderly stop: $started s"; loaded; stop KILL
done
rm -rf "$work/state"

rate=$((max / 2))
echo "== $rate writes a second, by turns"
for round in $(seq "$rounds"); do
  for how in nothing checkpoints backups; do
    rm -rf "$work/log" "$work/backup"
    case $how in
      checkpoints) start "$work/log" --checkpoint-after 16MiB ;;
      *) start "$work/log" --checkpoint-after never ;;
    esac
    load --duration 1s
    before=$(status VmRSS)
    if [ "$how" = backups ]; then
      while :; do "$target/kvs" backup "$work/backup" --full --log "file:$work/log" >> "$work/backups" && rm -rf "$work/backup"; done &
      beside=$!
    fi
    : > "$work/backups"
    load --duration 10s --rate "$rate"
    if [ -n "$beside" ]; then pkill -P "$beside" || true; kill "$beside" || true; wait "$beside" 2> /dev/null || true; beside=; fi
    ran=$(grep -c '"wrote a checkpoint"' "$work/said" || true)
    jq -c --arg beside "$how" --arg checkpoints "$ran" --arg backups "$(wc -l < "$work/backups")" \
      --arg grown "$(($(status VmHWM) - before))" \
      '{beside: $beside, checkpoints: $checkpoints | tonumber, backups: $backups | tonumber, grown_kib: $grown | tonumber, rate: .result.throughput | floor}
       + (.result.latency_us | {p50, p99, "p99.9": ."p99.9", max})' "$work/json" | tee -a "$work/turns"
    jq -c 'select(.level == "WARN")' "$work/said"
    stop KILL
  done
done
echo "== medians"
jq -sc 'def median: sort | .[length / 2 | floor]; group_by(.beside)[] | {beside: .[0].beside, p50: map(.p50) | median, p99: map(.p99) | median,
  "p99.9": map(."p99.9") | median, max: map(.max) | median, grown_kib: map(.grown_kib) | median}' "$work/turns"
