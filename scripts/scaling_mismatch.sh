#!/usr/bin/env bash
# The study behind the README's first table: sum against mean, BCE and squared error, three seeds, ten epochs, and
# `mean` with the beta that undoes it. Needs MNIST. Run it again after an interruption: it goes on where it was.
#
#   scripts/scaling_mismatch.sh [OUT]        (default: results/scaling-mismatch)
set -euo pipefail
cd "$(dirname "$0")/.."

out="${1:-results/scaling-mismatch}"
cargo build --release --quiet
run() {
  target/release/vae-bench --data mnist --out "$out/runs" --quiet "$@" >/dev/null
  echo "done: $*"
}
for seed in 1 2 3; do
  for loss in bce mse; do
    run --loss "$loss" --reduction sum --seed "$seed"
    run --loss "$loss" --reduction mean --seed "$seed"
    run --loss "$loss" --reduction mean --beta 0.00127551020408 --seed "$seed" # 1/784
  done
done
target/release/vae-bench merge "$out/runs" --out "$out/epochs.csv"
target/release/vae-bench merge "$out/runs" --final --out "$out/final.csv"
