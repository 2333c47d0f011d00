#!/usr/bin/env bash
# Installs a system program that some tests need, as root or with passwordless sudo. If that is not possible, this prints
# the reason and succeeds: the tests then add themselves to the list of skipped checks.
#
#   tools/apt.sh PROGRAM PACKAGE...
set -euo pipefail
program=$1
shift
if PATH=$PATH:/usr/sbin command -v "$program" >/dev/null; then exit; fi

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive timeout 300 apt-get -qq)
echo "== $program, by apt-get"
if ! command -v apt-get >/dev/null; then
    echo "not installed: this system has no apt-get"
elif ! "${as_root[@]}" true 2>/dev/null; then
    echo "not installed: that needs root, or sudo without a password"
elif ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "$@"; } >/dev/null; then
    echo "not installed: apt-get failed"
fi
