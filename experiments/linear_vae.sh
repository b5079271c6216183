#!/usr/bin/env bash
# A linear VAE against the closed forms of probabilistic PCA: 50 latents, Gaussian, identity output, at
# beta * sigma^2 = 0.5, 1, 3 and 392. `explain` prints the prediction, `eval` what came out.
#
#   experiments/linear_vae.sh        (writes results/linear-vae)
set -euo pipefail
cd "$(dirname "$0")/.."

out=results/linear-vae
mkdir -p "$out"
cargo build --release --quiet
for s in 0.5 1 3 392; do
  flags="--hidden= --latent-dim 50 --loss gaussian --sigma2 1 --reduction sum --beta $s --data mnist"
  # shellcheck disable=SC2086
  target/release/vae-bench explain $flags --json >"$out/predicted-$s.json"
  # shellcheck disable=SC2086
  target/release/vae-bench $flags --lr 3e-4 --epochs "${EPOCHS:-60}" --out "$out/runs" --quiet >/dev/null
  run=$(ls -d "$out"/runs/gaussian-sum-b"$s"-z50-s1-*)
  target/release/vae-bench eval "$run" --json >"$out/measured-$s.json"
  echo "done: beta * sigma^2 = $s"
done
target/release/vae-bench merge "$out/runs" --final --out "$out/final.csv"
