#!/bin/sh
# As the published image: root hands the data folder over and steps down.
set -eu
if [ "$(id -u)" = 0 ]; then
    chown valkey:valkey /data
    exec setpriv --reuid=valkey --regid=valkey --clear-groups "$0" "$@"
fi
exec "$@"
