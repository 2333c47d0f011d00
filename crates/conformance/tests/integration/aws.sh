#!/bin/bash
# Sends its arguments to the test, and writes what comes back. In bash, because it is started hundreds of times.
exec 3<>"/dev/tcp/127.0.0.1/$CONFORMANCE_TEST_PORT"
printf '%s\0' "$#" "$@" >&3
read -r status <&3
if [ "$status" = 0 ]; then cat <&3; else cat <&3 >&2; fi
exit "$status"
