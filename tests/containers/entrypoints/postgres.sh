#!/bin/sh
# As the published image: a new data folder is initialised with POSTGRES_*, then the files of the init folder run.
set -eu
data=/var/lib/postgresql/18/docker
password=${POSTGRES_PASSWORD:-$(cat "$POSTGRES_PASSWORD_FILE")}
if [ "$(id -u)" = 0 ]; then
    chown postgres:postgres /var/lib/postgresql
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$data/PG_VERSION" ]; then
    mkdir -p "$data"
    echo "$password" > /tmp/password
    initdb -D "$data" -U "$POSTGRES_USER" -A scram-sha-256 --pwfile=/tmp/password -E UTF8 --locale=C
    echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB;" | postgres --single -D "$data" postgres
    for file in /docker-entrypoint-initdb.d/*; do
        postgres --single -D "$data" "$POSTGRES_DB" < "$file"
    done
fi
exec postgres -D "$data" -c listen_addresses='*' -k /tmp
