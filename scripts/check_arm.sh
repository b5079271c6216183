#!/usr/bin/env bash
# Checks the build for 64-bit ARM on a machine of another kind: a cross compiler links, and an emulator runs what it made.
#
#   scripts/check_arm.sh tools    gets the compiler and the emulator, if they are missing
#   scripts/check_arm.sh quick    and runs the kernels' tests, with NEON and in plain Rust: two minutes
#   scripts/check_arm.sh          and the whole program: built, and compared with this machine's binary byte by byte
#
# The emulated processor is a Cortex-A72 (Raspberry Pi 4, Graviton 1), which lacks half-precision arithmetic: a binary that
# needs it would stop here. Emulated seconds say nothing about a processor, so nothing is timed.
#
# Needs rustup, aarch64-linux-gnu-gcc with its libc, and qemu-aarch64; root on Debian or Ubuntu gets what is missing.
# Ends with 77 and says what is missing where something cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
which=${1:-all}
case $which in tools | quick | all) ;; *) echo "usage: scripts/check_arm.sh [tools|quick]" >&2; exit 2 ;; esac

target=aarch64-unknown-linux-gnu
libraries=/usr/aarch64-linux-gnu
emulator() { command -v qemu-aarch64-static || command -v qemu-aarch64; }
linker() { command -v aarch64-linux-gnu-gcc; }
lacking() { echo "$1"; exit 77; }

if ! { emulator && linker && [ -e $libraries/lib/libc.so.6 ]; } >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  { apt-get update -qq &&
    apt-get install -y -qq --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static; } >/dev/null 2>&1 || true
fi
linker >/dev/null || lacking "there is no aarch64-linux-gnu-gcc (Debian: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross)"
emulator >/dev/null || lacking "there is no qemu-aarch64 (Debian: qemu-user-static)"
rustup target add $target >/dev/null 2>&1 || lacking "rustup cannot install $target"

[ "$which" != tools ] || exit 0

# Here and not in .cargo/config.toml: an ARM machine links with its own compiler, under another name.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
emulated="$(emulator) -cpu cortex-a72 -L $libraries"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="$emulated"

echo "== the kernels' tests on $target"
cargo test --release --locked -p vae-bench-kernels --lib --target $target
[ "$which" = all ] || exit 0

echo "== the program, for $target and for this machine"
cargo build --release --locked --no-default-features --target $target
cargo build --release --locked
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
targets=${CARGO_TARGET_DIR:-$PWD/target}
printf '#!/bin/sh\nexec %s "%s/%s/release/vae-bench" "$@"\n' "$emulated" "$targets" "$target" >"$work/on-arm"
chmod +x "$work/on-arm"

echo "== runs of both: the same bytes, or another name"
VAE_BENCH_ON_ARM="$work/on-arm" cargo test --release --locked --test isa an_arm_processor

# Of the default sizes. compare INSTRUCTIONS FLAG...
failed=0
compare() {
  local isa=$1 file outcome here there
  shift
  local flags=(run --data synthetic --train-size 1000 --test-size 200 --epochs 1 --threads 1 "$@")
  rm -rf "$work/here" "$work/there"
  "$targets/release/vae-bench" "${flags[@]}" --out "$work/here" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  VAE_BENCH_ISA=$isa "$work/on-arm" "${flags[@]}" --out "$work/there" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  here=("$work"/here/*/) there=("$work"/there/*/)
  outcome="the same name"
  [ "${here[0]##*/here}" = "${there[0]##*/there}" ] || { outcome="ANOTHER NAME"; failed=1; }
  for file in metrics.csv latents.csv model.safetensors; do
    if cmp -s "${here[0]}$file" "${there[0]}$file"; then outcome+=", $file"; else outcome+=", DIFFERENT $file"; failed=1; fi
  done
  echo "$isa $*: $outcome"
}
compare neon --loss bce
compare neon --loss mse
compare neon --loss gaussian
compare portable --loss bce
exit $failed
