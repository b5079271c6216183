#!/usr/bin/env bash
# Runs the tests of crates/kernels, the only crate with unsafe code, under two checkers:
#
#   Miri               undefined behaviour of every kind, data races among it, on the portable path; only the products, at
#                      small sizes, as nothing else has unsafe code there. Then with NEON, as Miri interprets an
#                      ARM processor on any machine: every operation on lanes, and two tests of products. Miri knows no
#                      inline assembly: a prefetch is left out.
#   AddressSanitizer   every instruction set that this processor has: reads and writes outside of an allocation
#
#   scripts/check_unsafe.sh                 both
#   scripts/check_unsafe.sh miri [TEST]     one of them, perhaps with a part of a test's name
#   scripts/check_unsafe.sh asan [TEST]
#
# Needs a nightly toolchain with the components miri and rust-src; installs them with rustup where they are missing.
# Ends with one line, and with 1 where a checker finds something.
set -euo pipefail
cd "$(dirname "$0")/.."
which=${1:-both}
filter=${2:-}
case $which in both | miri | asan) ;; *) echo "usage: scripts/check_unsafe.sh [miri|asan [TEST]]" >&2; exit 2 ;; esac

rustup component add --toolchain nightly miri rust-src >/dev/null 2>&1 ||
  rustup toolchain install nightly --profile minimal --component miri --component rust-src

# Seconds and outcome of each checker, for the closing line.
report=()
failed=0
check() {
  local name=$1 start=$SECONDS outcome="no findings"
  shift
  "$@" || { outcome=FOUND; failed=1; }
  report+=("$name $outcome in $((SECONDS - start)) s")
}

miri() {
  cargo +nightly miri test --locked -p vae-bench-kernels --lib -- ${filter:-tests::matmul} &&
    cargo +nightly miri test --locked -p vae-bench-kernels --lib --target aarch64-unknown-linux-gnu \
      -- ${filter:-tests::simd::every tests::matmul::every_element tests::matmul::a_nan}
}

asan() {
  # With the crate's debug assertions, and little optimisation: that takes minutes under the sanitizer.
  RUSTFLAGS="-Zsanitizer=address -Cdebug-assertions=on -Copt-level=1" \
    cargo +nightly test --locked --release -p vae-bench-kernels --lib \
    --target x86_64-unknown-linux-gnu --target-dir target/asan -- $filter
}

if [ "$which" != asan ]; then check Miri miri; fi
if [ "$which" != miri ]; then check AddressSanitizer asan; fi
line=$(printf '; %s' "${report[@]}")
echo "unsafe code of crates/kernels: ${line:2}"
exit $failed
