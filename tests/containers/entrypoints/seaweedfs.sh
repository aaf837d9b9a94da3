#!/bin/sh
# As the published image: the arguments are those of weed.
set -eu
exec weed "$@"
