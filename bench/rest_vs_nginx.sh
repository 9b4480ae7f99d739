#!/usr/bin/env bash
# REST GET and PUT of kvs compared with nginx `return 200`: requests per second and server CPU time per request.
#
# Needs wrk and nginx (Debian packages of these names) and a release build of kvs. Servers run on free loopback ports with one
# worker on core 0, the load on core 1; nginx and kvs alternate, ROUNDS times. CPU time (user and system, all threads or processes
# of the server) is the robust figure: it does not depend on how fast the load generator is.
#
#   bench/rest_vs_nginx.sh [ROUNDS=5] [SECONDS=5] [CONNECTIONS=32]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rounds=${1:-5} seconds=${2:-5} connections=${3:-32}
kvs=${KVS:-target/release/kvs}
nginx=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx) || { echo "nginx is not installed" >&2; exit 1; }
command -v wrk >/dev/null || { echo "wrk is not installed" >&2; exit 1; }
[ -x "$kvs" ] || { echo "build first: cargo build --release" >&2; exit 1; }

work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_for() { for _ in $(seq 200); do curl -sf -o /dev/null "$1" && return; sleep 0.05; done; echo "no response from $1" >&2; exit 1; }

nginx_port=$(free_port)
cat > "$work/nginx.conf" <<CONF
worker_processes 1;
daemon off;
pid $work/nginx.pid;
error_log $work/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
  server { listen 127.0.0.1:$nginx_port; location / { default_type text/plain; return 200 "41"; } }
}
CONF
taskset -c 0 "$nginx" -c "$work/nginx.conf" -p "$work" & pids+=($!)
nginx_pid=$!

kvs_port=$(free_port)
taskset -c 0 "$kvs" --http-addr "127.0.0.1:$kvs_port" --workers 1 --durability async --log "file:$work/log" --log-budget 512MiB \
  2>"$work/kvs.log" & pids+=($!)
kvs_pid=$!

base=http://127.0.0.1:$kvs_port/kvs/v1-0-0
wait_for "http://127.0.0.1:$nginx_port/"
for _ in $(seq 200); do curl -sf -X PUT -d 41 "$base/int-put/visits" && break; sleep 0.05; done
cat > "$work/put.lua" <<'LUA'
wrk.method = "PUT"
wrk.body = "41"
LUA

# CPU time of a process and its running children, in clock ticks.
ticks() {
  local sum=0
  for pid in "$1" $(pgrep -P "$1" || true); do
    sum=$((sum + $(awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$pid/stat")))
  done
  echo "$sum"
}
hz=$(getconf CLK_TCK)

measure() { # name pid url wrk-arguments...
  local name=$1 pid=$2 url=$3 before after out
  shift 3
  before=$(ticks "$pid")
  out=$(taskset -c 1 wrk -t1 -c"$connections" -d"${seconds}s" "$@" "$url")
  after=$(ticks "$pid")
  if grep -q 'Non-2xx' <<<"$out"; then echo "$name: responses other than 2xx" >&2; exit 1; fi
  awk -v name="$name" -v used=$((after - before)) -v hz="$hz" '
    /requests in/ { n = $1 } /Requests\/sec/ { rate = $2 }
    END { printf "%-10s %10.0f requests/s %8.2f us CPU/request\n", name, rate, used / hz * 1e6 / n }' <<<"$out"
}

echo "# kvs $("$kvs" --version | cut -d' ' -f2), $("$nginx" -v 2>&1), $(wrk -v 2>&1 | head -1 | cut -d' ' -f1-2)"
echo "# $(uname -sr), $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $connections connections, $seconds s, $rounds rounds"
for _ in $(seq "$rounds"); do
  measure nginx-GET "$nginx_pid" "http://127.0.0.1:$nginx_port/"
  measure kvs-GET "$kvs_pid" "$base/int-get/visits"
  measure nginx-PUT "$nginx_pid" "http://127.0.0.1:$nginx_port/" -s "$work/put.lua"
  measure kvs-PUT "$kvs_pid" "$base/int-put/visits" -s "$work/put.lua"
done | tee "$work/rounds"
echo "# median of server CPU time per request, with the spread"
for name in nginx-GET kvs-GET nginx-PUT kvs-PUT; do
  awk -v name="$name" '$1 == name { print $4 }' "$work/rounds" | sort -n |
    awk -v name="$name" '{ v[NR] = $1 } END { printf "%-10s %8.2f us (%.2f to %.2f)\n", name, v[int((NR + 1) / 2)], v[1], v[NR] }'
done
