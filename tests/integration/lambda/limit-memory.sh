#!/bin/sh
# Runs PROGRAM with at most MEMORY_LIMIT bytes for its data segment (setrlimit(2), RLIMIT_DATA).
ulimit -d $((MEMORY_LIMIT / 1024))
exec "$PROGRAM"
