#!/usr/bin/env bash
# What REST v2 costs beside v1: server CPU time per request, alternating. Needs ab (Debian: apache2-utils) and a release build.
#
#   bench/v2_cost.sh [ROUNDS=7] [REQUESTS=200000]
#
# The server runs on core 0 with one worker, the load on core 1, over 8 connections that are kept. The entry is an int; a batch
# has 16 puts of different keys. Printed are the medians in microseconds of server CPU per request (least to most), and the ratio to the
# first row of its kind.
set -euo pipefail
rounds=${1:-7} requests=${2:-200000}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kvs=${KVS:-target/release/kvs}
work=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
: > "$work/log"
taskset -c 0 "$kvs" --log off --workers 1 --http-addr 127.0.0.1:0 --frame-addr 127.0.0.1:0 --admin-addr off --trace-format json 2> "$work/log" &
pid=$!
until grep -q '"listening"' "$work/log"; do kill -0 "$pid"; sleep 0.05; done
base="http://$(sed -n 's/.*"http_addr":"\([^"]*\)".*/\1/p' "$work/log")"
printf 41 > "$work/int"
{
  printf '{"ops":['
  for n in $(seq 16); do
    [ "$n" = 1 ] || printf ','
    printf '{"op":"put","type":"int","key":"key-%s","value":41}' "$n"
  done
  printf ']}'
} > "$work/batch"
curl -sf -X PUT --data-binary @"$work/int" "$base/v2/int/k" > /dev/null

ticks() { awk '{print $14 + $15}' "/proc/$pid/stat"; }

# measure NAME REQUESTS PATH ARGS...: appends microseconds per request to the file of this name.
measure() {
  local name=$1 requests=$2 path=$3 before
  shift 3
  before=$(ticks)
  taskset -c 1 ab -q -k -n "$requests" -c 8 "$@" "$base$path" > "$work/ab" 2>&1 || { cat "$work/ab" >&2; exit 1; }
  ! grep -q 'Non-2xx' "$work/ab" || { cat "$work/ab" >&2; exit 1; }
  awk -v ticks=$(($(ticks) - before)) -v n="$requests" -v hz="$(getconf CLK_TCK)" \
    'BEGIN {printf "%.3f\n", ticks / hz * 1e6 / n}' >> "$work/$name"
}

for _ in $(seq "$rounds"); do
  measure get-v1 "$requests" /kvs/v1-0-0/int-get/k
  measure get-v2 "$requests" /v2/int/k
  measure put-v1 "$requests" /kvs/v1-0-0/int-put/k -u "$work/int"
  measure put-v2 "$requests" /v2/int/k -u "$work/int"
  measure put-v2-if "$requests" /v2/int/k -u "$work/int" -H 'If-Match: *'
  measure put-v2-ttl "$requests" /v2/int/ttl -u "$work/int" -H 'Kvs-Ttl: 1h'
  measure batch-v2 "$((requests / 8))" /v2/batch -p "$work/batch"
done

median() { sort -g "$work/$1" | awk '{v[NR]=$1} END {printf "%.2f", v[int((NR + 1) / 2)]}'; }
row() {
  local name=$1 to=$2 what=$3
  sort -g "$work/$name" | awk -v what="$what" -v to="$(median "$to")" \
    '{v[NR]=$1} END {m = v[int((NR + 1) / 2)]; printf "%-38s %7.2f (%.2f to %.2f)   %.2f\n", what, m, v[1], v[NR], m / to}'
}
echo "# microseconds of server CPU per request: median (least to most) of $rounds rounds of $requests requests, and the ratio"
row get-v1 get-v1 "v1 get"
row get-v2 get-v1 "v2 get"
row put-v1 put-v1 "v1 put"
row put-v2 put-v1 "v2 put"
row put-v2-if put-v2 "v2 put, If-Match: * (to v2 put)"
row put-v2-ttl put-v2 "v2 put, Kvs-Ttl: 1h (to v2 put)"
row batch-v2 put-v2 "v2 batch of 16 puts (to one v2 put)"
