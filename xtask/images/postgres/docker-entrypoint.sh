#!/bin/sh
# Makes the database at the first start, then becomes the server. Runs as the user postgres.
set -eu

if ! [ -s "$PGDATA/PG_VERSION" ]; then
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}

    chmod 700 "$PGDATA"
    # shellcheck disable=SC2086 # several arguments in one variable
    initdb --username="$user" --pwfile="$POSTGRES_PASSWORD_FILE" ${POSTGRES_INITDB_ARGS:-}
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"

    # On the Unix socket only, so that nobody comes in over TCP before the database is complete.
    pg_ctl --wait --options="-c listen_addresses=''" start
    if [ "$database" != postgres ]; then
        createdb --username="$user" "$database"
    fi
    for file in /docker-entrypoint-initdb.d/*.sql; do
        [ -e "$file" ] || continue
        psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$user" --dbname="$database" --file="$file"
    done
    pg_ctl --wait --mode=fast stop
fi

exec "$@"
