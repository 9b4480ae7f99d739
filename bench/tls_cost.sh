#!/usr/bin/env bash
# What TLS costs: server CPU time of a REST GET over kept-alive connections, plain and with TLS 1.3, by turns; then of a whole connection
# with one GET. Needs ab (Debian's apache2-utils) and a release build.
#
#   bench/tls_cost.sh [ROUNDS=9] [REQUESTS=60000]
#
# The server runs on core 0, the load on core 1.
set -euo pipefail
rounds=${1:-9} requests=${2:-60000}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kvs=${KVS:-target/release/kvs}
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
"$kvs" certs "$work/tls" > /dev/null
start() {
  local log="$work/$1.log" name=$1
  shift
  : > "$log"
  taskset -c 0 "$kvs" --log off --workers 1 --http-addr 127.0.0.1:0 --frame-addr 127.0.0.1:0 --admin-addr off --trace-format json "$@" 2> "$log" &
  local pid=$!
  pids+=("$pid")
  until grep -q '"listening"' "$log"; do kill -0 "$pid" || { cat "$log" >&2; exit 1; }; sleep 0.05; done
  eval "${name}_pid=$pid ${name}_http=$(sed -n 's/.*"http_addr":"\([^"]*\)".*/\1/p' "$log")"
}
start plain
start tls --server-cert "$work/tls/server.pem" --server-key "$work/tls/server.key"
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
# measure PID URL REQUESTS FLAGS...: microseconds of server CPU a request.
measure() {
  local pid=$1 url=$2 count=$3 before after
  shift 3
  before=$(ticks "$pid")
  taskset -c 1 ab -q -n "$count" -c 32 "$@" "$url/kvs/v1-0-0/int-get/k" > "$work/ab" 2>&1
  after=$(ticks "$pid")
  grep -q "^Failed requests: *0" "$work/ab" || { cat "$work/ab" >&2; exit 1; }
  awk "BEGIN {printf \"%.3f\n\", ($after - $before) * 1e6 / $(getconf CLK_TCK) / $count}"
}
printf 1 > "$work/body"
ab -q -n 1 -u "$work/body" -T text/plain "http://$plain_http/kvs/v1-0-0/int-put/k" > /dev/null
ab -q -n 1 -u "$work/body" -T text/plain -f TLS1.3 "https://$tls_http/kvs/v1-0-0/int-put/k" > /dev/null
median() { sort -g | awk '{v[NR]=$1} END {printf "%.2f (%.2f to %.2f)", v[int((NR+1)/2)], v[1], v[NR]}'; }
compare() {
  local what=$1 count=$2
  shift 2
  : > "$work/a"; : > "$work/b"
  for _ in $(seq "$rounds"); do
    measure "$plain_pid" "http://$plain_http" "$count" "$@" >> "$work/a"
    measure "$tls_pid" "https://$tls_http" "$count" "$@" -f TLS1.3 >> "$work/b"
  done
  echo "$what: plain $(median < "$work/a") us, TLS $(median < "$work/b") us, TLS / plain $(paste "$work/a" "$work/b" | awk '{print $2 / $1}' | median)"
}
grep -m1 'model name' /proc/cpuinfo; uname -r
compare "a GET on a kept-alive connection" "$requests" -k
compare "a connection with one GET" "$((requests / 20))"
