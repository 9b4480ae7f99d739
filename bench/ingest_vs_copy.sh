#!/usr/bin/env bash
# Int puts into PostgreSQL, end to end (engine, log, gRPC with mutual TLS, txnd, tables), compared with `psql \copy` of the same
# rows in binary form into the same tables of the same server.
#
# Needs PostgreSQL's programs (KVS_POSTGRES_BIN, else PATH, else /usr/lib/postgresql/*/bin) and release builds:
#   cargo build --release -p txnd -p bench
# Starts its own servers on free loopback ports, in a temporary folder. The two methods alternate, ROUNDS times, each into its own
# database. Both are timed without program start: `\copy` from within psql. Once with foreign keys checked by the server (a plain
# role), and once trusted (a role that may set session_replication_role). CPU time is user and system of each process;
# PostgreSQL's is that of all of its processes.
#
#   bench/ingest_vs_copy.sh [ROUNDS=3] [RECORDS="1000000 5000000"] [KEYS=100000]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rounds=${1:-3} sizes=${2:-"1000000 5000000"} keys=${3:-100000}
target=${CARGO_TARGET_DIR:-target}/release txnd=$target/txnd ingest=$target/ingest
[ -x $txnd ] && [ -x $ingest ] || { echo "build first: cargo build --release -p txnd -p bench" >&2; exit 1; }
bin=${KVS_POSTGRES_BIN:-$(dirname "$(readlink -f "$(PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1) command -v postgres)")")}

work=$(mktemp -d)
chmod 755 "$work"
as_server() { if [ "$(id -u)" = 0 ]; then setpriv --reuid postgres --regid postgres --clear-groups "$@"; else "$@"; fi; }
txnd_pid=
finish() {
  [ -z "$txnd_pid" ] || kill "$txnd_pid" 2>/dev/null || true
  as_server "$bin/pg_ctl" -s -D "$work/server/data" -m immediate stop || true
  rm -rf "$work"
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
pg_port=$(free_port) grpc_port=$(free_port)
mkdir "$work/server"; [ "$(id -u)" != 0 ] || chown postgres: "$work/server"
as_server "$bin/initdb" -D "$work/server/data" -U kvs -A trust -E UTF8 --locale=C.UTF-8 >"$work/initdb.log"
as_server "$bin/pg_ctl" -s -w -D "$work/server/data" -l "$work/server/log" \
  -o "-p $pg_port -k $work/server -c listen_addresses=127.0.0.1 -c max_wal_size=8GB -c shared_buffers=512MB" start
postmaster=$(head -1 "$work/server/data/postmaster.pid")
export PGHOST=127.0.0.1 PGPORT=$pg_port PGUSER=kvs PGOPTIONS=
psql=("$bin/psql" -X -q -v ON_ERROR_STOP=1)
"${psql[@]}" -c "CREATE ROLE plain LOGIN" postgres
$txnd certs "$work/certs" >/dev/null

hundredths=$((100 / $(getconf CLK_TCK)))
# CPU seconds of a process; with "children", including children that it has waited for.
cpu() { awk -v f="${2:-}" -v h=$hundredths '{ sub(/.*\) /, ""); t = $12 + $13; if (f != "") t += $14 + $15; print t * h / 100 }' "/proc/$1/stat"; }
# Waits until no session is left, and until ending processes are reaped: otherwise their time would be missed.
settle() { while ps --ppid "$postmaster" -o args= | grep -q '127\.0\.0\.1'; do sleep 0.05; done; sleep 1; }
pg_cpu() { settle; { cpu "$postmaster" children; for p in $(pgrep -P "$postmaster"); do cpu "$p" 2>/dev/null || true; done; } | awk '{ s += $1 } END { print s }'; }
diff_of() { awk "BEGIN { printf \"%.2f\", $2 - $1 }"; }

# One run through txnd: prints rows per second.
through_txnd() { # role records
  "${psql[@]}" -c "DROP DATABASE IF EXISTS ours" -c "CREATE DATABASE ours OWNER $1" -c CHECKPOINT postgres 2>/dev/null
  $txnd --grpc-addr "127.0.0.1:$grpc_port" --sink "postgres://$1@127.0.0.1:$pg_port/ours" --trace warn \
    --tls-ca "$work/certs/ca.pem" --tls-cert "$work/certs/txnd.pem" --tls-key "$work/certs/txnd.key" & txnd_pid=$!
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$grpc_port") 2>/dev/null && break; sleep 0.05; done
  local before out; before=$(pg_cpu)
  out=$($ingest "https://localhost:$grpc_port" --records "$2" --keys "$keys" --certs "$work/certs")
  echo "txnd   $1 $out; txnd $(cpu $txnd_pid) s, PostgreSQL $(diff_of "$before" "$(pg_cpu)") s of CPU"
  kill $txnd_pid; wait $txnd_pid || true; txnd_pid=
}

# The same rows by \copy.
by_copy() { # role records
  "${psql[@]}" -c "DROP DATABASE IF EXISTS peer" -c "CREATE DATABASE peer OWNER $1" postgres 2>/dev/null
  "$bin/pg_dump" -s -O ours | "${psql[@]}" -o /dev/null -U "$1" peer
  "${psql[@]}" -c CHECKPOINT postgres
  local before took trust=; before=$(pg_cpu)
  [ "$1" = plain ] || trust="SET session_replication_role = replica;"
  took=$("${psql[@]}" -At -U "$1" peer <<SQL
$trust
SELECT clock_timestamp() AS began \gset
BEGIN;
\copy int_keys from $work/keys.bin (format binary)
\copy integer_transactions from $work/rows.bin (format binary)
COMMIT;
SELECT extract(epoch FROM clock_timestamp() - :'began');
SQL
  )
  awk "BEGIN { printf \"\\\\copy  $1 $2 records, %.3f s, %.0f records/s; PostgreSQL $(diff_of "$before" "$(pg_cpu)") s of CPU\\n\", $took, $2 / $took }"
}

echo "$("$bin/postgres" --version), $(uname -sr), $(nproc) cores, $rounds rounds, $keys keys"
for records in $sizes; do
  for round in $(seq "$rounds"); do
    for role in kvs plain; do
      through_txnd $role "$records"
      "${psql[@]}" -c "\copy int_keys to $work/keys.bin (format binary)" -c "\copy (select * from integer_transactions order by id) to $work/rows.bin (format binary)" ours
      by_copy $role "$records"
    done
  done
done
