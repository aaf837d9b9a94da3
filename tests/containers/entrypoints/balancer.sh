#!/bin/sh
# The published image has no entrypoint: the command is the program.
set -eu
exec "$@"
