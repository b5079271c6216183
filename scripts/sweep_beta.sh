#!/usr/bin/env bash
# Sweeps beta for the three reductions, and leaves one tidy CSV of final rows. Edit the lists; run it again: finished
# runs are skipped, interrupted ones resume.
#
#   scripts/sweep_beta.sh [OUT]        (default: results/beta-sweep-sh)
set -euo pipefail
cd "$(dirname "$0")/.."

out="${1:-results/beta-sweep-sh}"
losses="bce"
reductions="sum mean batch-sum"
betas="0.1 0.5 1 2 4 10"
seeds="1"
epochs=3

cargo build --release --quiet
for loss in $losses; do
  for reduction in $reductions; do
    for beta in $betas; do
      for seed in $seeds; do
        target/release/vae-bench --loss "$loss" --reduction "$reduction" --beta "$beta" --seed "$seed" \
          --epochs "$epochs" --out "$out/runs" --quiet >/dev/null
        echo "done: $loss $reduction beta $beta seed $seed"
      done
    done
  done
done
target/release/vae-bench merge "$out/runs" --final --out "$out/final.csv"
