#!/usr/bin/env bash
# Sequential durable puts into PostgreSQL tables: first with no other session in the database, then beside a transaction that
# holds a snapshot, as a backup does.
#
# Needs PostgreSQL's programs (KVS_POSTGRES_BIN, else PATH, else /usr/lib/postgresql/*/bin), python3 and a release build of kvs,
# or another kvs given in KVS. Starts its own servers on free loopback ports, in a temporary folder. Prints puts per second for
# each window of SECONDS / 8, and at the end the sizes and dead rows of the log's small tables.
#
# With TMPDIR on a tmpfs, syncing costs nothing, so the remaining costs show more clearly.
#
#   bench/postgres_snapshot.sh [SECONDS=240]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-240} kvs=${KVS:-target/release/kvs}
[ -x "$kvs" ] || { echo "build first: cargo build --release -p gateway" >&2; exit 1; }
bin=${KVS_POSTGRES_BIN:-$(dirname "$(readlink -f "$(PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1) command -v postgres)")")}
work=$(mktemp -d)
chmod 755 "$work"
as_server() { if [ "$(id -u)" = 0 ]; then setpriv --reuid postgres --regid postgres --clear-groups "$@"; else "$@"; fi; }
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  as_server "$bin/pg_ctl" -s -D "$work/server/data" -m immediate stop || true
  rm -rf "$work"
}
trap finish EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
pg_port=$(free_port)
mkdir "$work/server"; [ "$(id -u)" != 0 ] || chown postgres: "$work/server"
as_server "$bin/initdb" -D "$work/server/data" -U kvs -A trust -E UTF8 --locale=C.UTF-8 >"$work/initdb.log"
as_server "$bin/pg_ctl" -s -w -D "$work/server/data" -l "$work/server/log" -o "-p $pg_port -k $work/server -c listen_addresses=127.0.0.1" start
export PGHOST=127.0.0.1 PGPORT=$pg_port PGUSER=kvs
psql=("$bin/psql" -X -q -v ON_ERROR_STOP=1)
echo "$("$bin/postgres" --version), $(uname -sr), $(nproc) cores, $seconds s each"

# Sequential puts over one connection; prints the rate of each window.
cat >"$work/puts.py" <<'PYTHON'
import http.client, sys, time
port, seconds = int(sys.argv[1]), float(sys.argv[2])
client = http.client.HTTPConnection("127.0.0.1", port)
rates, n = [], 0
for window in range(8):
    began, count = time.monotonic(), 0
    while time.monotonic() - began < seconds / 8:
        client.request("PUT", f"/kvs/v1-0-0/int-put/k{n % 1000}", str(n % 1000))
        answer = client.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        n, count = n + 1, count + 1
    rates.append(round(count / (time.monotonic() - began)))
print(f"{n} puts, {n / seconds:.0f}/s; by window: {' '.join(map(str, rates))}")
PYTHON

for way in alone snapshot; do
  "${psql[@]}" -c "CREATE DATABASE $way" postgres
  port=$(free_port)
  "$kvs" --http-addr "127.0.0.1:$port" --frame-addr 127.0.0.1:0 --durability sync --log "postgres://kvs@127.0.0.1:$pg_port/$way" --trace warn & pids=($!)
  for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.05; done
  if [ $way = snapshot ]; then
    "${psql[@]}" -o /dev/null -c "BEGIN ISOLATION LEVEL REPEATABLE READ" -c "SELECT count(*) FROM producer" -c "SELECT pg_sleep(1000000)" $way & pids+=($!)
    sleep 0.5
  fi
  echo "$way: $(python3 "$work/puts.py" "$port" "$seconds")"
  "${psql[@]}" -At -F ' ' -c "SELECT pg_sleep(1)" -c "SELECT '  ' || relname, pg_total_relation_size(relid) || ' bytes', n_live_tup || ' live', n_dead_tup || ' dead rows' FROM pg_stat_user_tables WHERE relname IN ('producer', 'group_ends', 'integer_transactions')" $way | grep -v '^$'
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  pids=()
done
