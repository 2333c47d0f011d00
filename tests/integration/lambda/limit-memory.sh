#!/bin/sh
# BOUNDED_PROGRAM with no more than BOUNDED_TO bytes for its data (setrlimit(2), `RLIMIT_DATA`).
ulimit -d $((BOUNDED_TO / 1024))
exec "$BOUNDED_PROGRAM"
