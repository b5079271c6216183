#!/usr/bin/env bash
# Every BCE preset's weighting on one network, beside a sweep of beta over the canonical form (sum, beta): the presets
# must fall on the sweep's curve at their effective beta. keras-2016-05 stands there twice: with standard sampling, as all
# others, and as it was published, nearly without noise. Three seeds. Needs MNIST; resumes.
#
#   scripts/conventions.sh [OUT]        (default: results/conventions; run directories: RUNS, default OUT/runs)
#
# SEEDS, EPOCHS, DATA and SIZES (flags such as "--train-size 500") make it smaller, for a trial.
set -euo pipefail
cd "$(dirname "$0")/.."

out="${1:-results/conventions}"
runs="${RUNS:-$out/runs}"
mkdir -p "$out"
cargo build --release --locked --quiet
bench=target/release/vae-bench
# One network and optimiser for all, so that only the weights differ.
same="--hidden 400 --latent-dim 20 --batch-size 128 --optimizer adam --lr 1e-3 --init pytorch --binarize none
      --epochs ${EPOCHS:-5} --data ${DATA:-mnist} ${SIZES:-}"

# train FLAGS...: one run for the seed of the loop.
train() {
  # shellcheck disable=SC2086
  "$bench" "$@" $same --seed "$seed" --out "$runs" --quiet >/dev/null
  echo "done: $* --seed $seed"
}

for seed in ${SEEDS:-1 2 3}; do
  for preset in pytorch-examples pytorch-examples-2017 keras-2016-05 keras-2016-07 keras-2016-08 keras-io-485488 \
    keras-io flax beta-vae; do
    train --preset "$preset" --sampling standard
  done
  train --preset keras-2016-05
  for beta in 0.05 0.25 0.5 1 2 4 16 32 39.2 784; do
    train --loss bce --reduction sum --beta "$beta" --sampling standard
  done
done
"$bench" merge "$runs" --final --out "$out/final.csv"
