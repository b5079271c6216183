#!/usr/bin/env bash
# Said: "A larger image gives a larger sum, so beta must be retuned."
# The same digits at 14 x 14 and at 28 x 28. Per-pixel means with one weight w: the effective beta grows with D. With w
# divided by D it stays, and so do the sums at beta 1. (`--preset pytorch-vae` is such a w.)
source "$(dirname "$0")/common.sh"
small="${TMPDIR:-/tmp}/vae-bench-mnist-14"
python3 experiments/claims/halve_mnist.py "${VAE_BENCH_DATA_DIR:?name the directory of the four MNIST files}" "$small"
for beta in 0.0025 0.01; do
  run --loss mse --reduction mean --beta "$beta"
  run --data idx --data-dir "$small" --loss mse --reduction mean --beta "$beta"
done
run --loss mse --reduction sum
run --data idx --data-dir "$small" --loss mse --reduction sum
settle
# The eigenvalues of the images at both sizes, that say what becomes of a beta*sigma^2.
explain="explain --loss mse --reduction sum --json"
# shellcheck disable=SC2086
"$bench" $explain --data idx --data-dir "$small" >"$out/9-larger-images-14x14.json"
# shellcheck disable=SC2086
"$bench" $explain --data mnist >"$out/9-larger-images-28x28.json"
