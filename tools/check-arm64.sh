#!/usr/bin/env bash
# Builds the release bootstrap for arm64 and runs the demo with it: natively on an arm64 machine, elsewhere under emulation.
# If one of these is not possible, fails and says what is missing.
#
#   tools/check-arm64.sh WORK      WORK: a folder for downloads
#
# This machine's toolchain is not changed. If `rustup target add aarch64-unknown-linux-gnu` was run before, its standard library for
# arm64 is used. Otherwise, as root on a Debian or Ubuntu machine, the Rust of Debian's backports is installed in a debootstrap root.
# That is not the pinned compiler, so such a build shows that the program runs, but does not have the bytes of a release.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$1
target=aarch64-unknown-linux-gnu
mkdir -p "$work"
work=$(realpath "$work")
step() { printf '== %s\n' "$*"; }
missing() {
    printf 'arm64 was not checked: %s\n' "$*" >&2
    exit 1
}

play() {
    step "running the demo with $*"
    cargo build --locked -q -p sandbox
    "${CARGO_TARGET_DIR:-target}/debug/sandbox" demo --bootstrap "$1" --events events
}

if [ "$(uname -m)" = aarch64 ]; then
    step "release bootstrap, natively"
    cargo build --locked --release -p custom-delegation --bin bootstrap
    play "${CARGO_TARGET_DIR:-target}/release/bootstrap"
    exit
fi

std_is_there() { [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; }

# Creates a root of Debian 13 with the Rust of its backports and the standard library for arm64 of the same version. Only the .rlib
# files of that package are needed, not its dependencies.
debian_root() {
    local root=$1 mirror
    [ ! -e "$root/ok" ] || return 0
    # A machine may have only one of these two kinds of sources. If neither names a mirror, Debian's own is used.
    mirror=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null |
        sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\(http[^ ]*\).*/\2/p' | grep -m 1 debian || true)
    tools/apt.sh debootstrap debootstrap
    step "a root of Debian 13, from ${mirror:=http://deb.debian.org/debian}"
    rm -rf "$root"
    debootstrap --variant=minbase trixie "$root" "$mirror" >"$work/debootstrap.log"
    echo "deb [arch=amd64,arm64] $mirror trixie-backports main" >"$root/etc/apt/sources.list.d/backports.list"
    # Valid-Until: a mirror may lag behind.
    printf '%s "%s";\n' APT::Install-Recommends false Acquire::Languages none Acquire::Check-Valid-Until false \
        >"$root/etc/apt/apt.conf.d/99local"
    chroot "$root" sh -ec 'export DEBIAN_FRONTEND=noninteractive
        dpkg --add-architecture arm64
        apt-get update -qq
        apt-get install -y -qq -t trixie-backports rustc cargo gcc libc6-dev >/dev/null
        cd /tmp
        apt-get download -qq -t trixie-backports libstd-rust-dev:arm64
        dpkg -x libstd-rust-dev_*_arm64.deb /
        apt-get clean
        rm -f /tmp/*.deb'
    touch "$root/ok"
}

# Crates are fetched outside, because the root has no certificates; inside, cargo is offline. Only this process sees the mounts,
# which end with it.
build_in_root() {
    local root=$1 cargo_home=${CARGO_HOME:-$HOME/.cargo} zig
    zig=$(echo .venv-package/lib/python3*/site-packages/ziglang)
    cargo fetch -q --locked --target $target
    mkdir -p "$root/project" "$root/zig" "$root/cargo/registry"
    [ ! -e "$cargo_home/config.toml" ] || cp "$cargo_home/config.toml" "$root/cargo/"
    # shellcheck disable=SC2016  # the inner shell expands it
    unshare -m bash -ec '
        root=$1
        mount -t proc proc "$root/proc"
        mount --bind . "$root/project"
        mount --bind "$2/registry" "$root/cargo/registry"
        mount --bind "$3" "$root/zig"
        exec chroot "$root" env -i PATH=/zig:/project/.venv-package/bin:/usr/bin:/bin HOME=/root CARGO_HOME=/cargo \
            CARGO_NET_OFFLINE=true ${CARGO_BUILD_JOBS:+CARGO_BUILD_JOBS=$CARGO_BUILD_JOBS} \
            sh -c "cd /project && tools/build.sh arm64"' - "$root" "$cargo_home" "$zig"
}

export PATH=$PWD/.venv-package/bin:$PATH
if std_is_there; then
    step "release bootstrap for arm64, with $(rustc --version)"
    program=$(tools/build.sh arm64)
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    debian_root "$work/root"
    step "release bootstrap for arm64, with $(chroot "$work/root" rustc --version)"
    program=$(build_in_root "$work/root")
else
    missing "no standard library for arm64; rustup target add $target"
fi
python3 tools/elf.py "$program" --stripped

# No binfmt is registered. The wrapper starts the emulator with `exec`, so that this is the process that the local AWS freezes and kills.
tools/apt.sh qemu-aarch64 qemu-user libc6-arm64-cross
libraries=/usr/aarch64-linux-gnu
command -v qemu-aarch64 >/dev/null || missing "no emulator; apt-get install qemu-user"
[ -e $libraries/lib/ld-linux-aarch64.so.1 ] || missing "no glibc for arm64; apt-get install libc6-arm64-cross"
printf '#!/bin/sh\nexec qemu-aarch64 -L %s "%s" "$@"\n' $libraries "$PWD/$program" >"$work/bootstrap"
chmod +x "$work/bootstrap"
play "$work/bootstrap"
