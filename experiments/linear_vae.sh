#!/usr/bin/env bash
# A linear VAE against the closed forms of probabilistic PCA: 50 latents, Gaussian, identity output, at
# beta * sigma^2 = 0.5, 1, 3 and 392. `explain` prints the prediction, `eval` what came out.
#
#   experiments/linear_vae.sh [OUT]        (default: results/linear-vae; run directories: RUNS, default OUT/runs)
#
# EPOCHS, DATA and SIZES (flags such as "--train-size 500") make it smaller, for a trial.
set -euo pipefail
cd "$(dirname "$0")/.."

out="${1:-results/linear-vae}"
runs="${RUNS:-$out/runs}"
mkdir -p "$out"
cargo build --release --locked --quiet
for s in 0.5 1 3 392; do
  flags="--hidden= --latent-dim 50 --loss gaussian --sigma2 1 --reduction sum --beta $s --data ${DATA:-mnist} ${SIZES:-}"
  # shellcheck disable=SC2086
  target/release/vae-bench explain $flags --json >"$out/predicted-$s.json"
  # shellcheck disable=SC2086
  target/release/vae-bench $flags --lr 3e-4 --epochs "${EPOCHS:-60}" --out "$runs" --quiet >/dev/null
  # The newest: a directory of another version of the numerics may lie beside it.
  run=$(ls -dt "$runs"/gaussian-sum-b"$s"-z50-s1-* | head -n 1)
  target/release/vae-bench eval "$run" --json >"$out/measured-$s.json"
  echo "done: beta * sigma^2 = $s"
done
target/release/vae-bench merge "$runs" --out "$out/epochs.csv"
target/release/vae-bench merge "$runs" --final --out "$out/final.csv"
