#!/usr/bin/env bash
# Builds one program for one processor, with the same bytes on every machine. Prints the path of the program.
#
#   tools/build.sh x86_64|arm64 [bootstrap|delegation]
#
# Needs cargo-zigbuild, which links against the glibc of Amazon Linux 2023, whatever glibc this machine has.
set -euo pipefail
cd "$(dirname "$0")/.."
usage="usage: $0 x86_64|arm64 [bootstrap|delegation]"

case "${1:-}" in
x86_64) target=x86_64-unknown-linux-gnu ;;
arm64) target=aarch64-unknown-linux-gnu ;;
*) echo "$usage" >&2 && exit 2 ;;
esac
# One package at a time, because cargo unifies the features of packages that it builds together.
case "${2:-bootstrap}" in
bootstrap) package=custom-delegation ;;
delegation) package=delegation-cli ;;
*) echo "$usage" >&2 && exit 2 ;;
esac
program=${2:-bootstrap}
if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
    echo "$1: the Rust target $target is not installed: rustup target add $target" >&2
    exit 3
fi

# Panic messages contain the paths of source files. Without this, the bytes would depend on where the sources and the registry are.
flags=(--remap-path-prefix="$PWD=/delegation")
for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    flags+=(--remap-path-prefix="$registry=/registry")
done
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS
export SOURCE_DATE_EPOCH=315532800 CARGO_TARGET_DIR=target/package CARGO_INCREMENTAL=0
cargo zigbuild --release --locked -p "$package" --bin "$program" --target "$target.2.34" >&2
echo "target/package/$target/release/$program"
