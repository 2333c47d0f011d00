#!/usr/bin/env bash
# Prepares a GitHub runner for the tests that need a validating resolver. These serve DNS on port 53 of the loopback network without
# being root, and start their own unbound, which Ubuntu's AppArmor would confine to /etc/unbound.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${GITHUB_ACTIONS:?this changes the whole machine, so it runs only on GitHub}"
sudo sysctl --quiet --write net.ipv4.ip_unprivileged_port_start=53
tools/apt.sh unbound unbound
tools/apt.sh delv bind9-dnsutils
tools/apt.sh drill ldnsutils
sudo systemctl disable --now unbound.service || true
profile=/etc/apparmor.d/usr.sbin.unbound
if [ -e $profile ]; then sudo apparmor_parser --remove $profile; fi
