#!/usr/bin/env bash
# Every BCE preset's weighting on one network, beside a sweep of beta over the canonical form (sum, beta): the presets
# must fall on the sweep's curve at their effective beta. Needs MNIST; resumes.
#
#   scripts/conventions.sh [OUT]        (default: results/conventions)
set -euo pipefail
cd "$(dirname "$0")/.."

out="${1:-results/conventions}"
seeds="${SEEDS:-1}"
cargo build --release --quiet
# One network and optimiser for all, so that only the weights differ; keras-2016-05 with standard sampling.
same="--hidden 400 --latent-dim 20 --batch-size 128 --optimizer adam --lr 1e-3 --init pytorch --binarize none
      --sampling standard --epochs 5 --data mnist --quiet"
for seed in $seeds; do
  for preset in pytorch-examples pytorch-examples-2017 keras-2016-05 keras-2016-07 keras-2016-08 keras-io-485488 \
    keras-io flax beta-vae; do
    # shellcheck disable=SC2086
    target/release/vae-bench --preset "$preset" $same --seed "$seed" --out "$out/runs" >/dev/null
    echo "done: $preset seed $seed"
  done
  for beta in 0.05 0.25 0.5 1 2 4 16 32 39.2 784; do
    # shellcheck disable=SC2086
    target/release/vae-bench --loss bce --reduction sum --beta "$beta" $same --seed "$seed" --out "$out/runs" >/dev/null
    echo "done: beta $beta seed $seed"
  done
done
target/release/vae-bench merge "$out/runs" --final --out "$out/final.csv"
