#!/usr/bin/env bash
# Said: "A larger image gives a larger sum, so beta must be retuned."
# The same digits at 14 x 14 and at 28 x 28: per-pixel means with one weight, whose beta*sigma^2 grows with D, and sums at
# beta 1, whose beta*sigma^2 stays. (`--preset pytorch-vae` has such a weight.)
source "$(dirname "$0")/../common.sh" 3
small="${TMPDIR:-/tmp}/vae-bench-mnist-14"
mnist="${VAE_BENCH_DATA_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/vae-bench/mnist}"
[ -d "$mnist" ] || { echo "no MNIST in $mnist: set VAE_BENCH_DATA_DIR or run vae-bench data fetch" >&2; exit 3; }
python3 experiments/claims/halve_mnist.py "$mnist" "$small"
for beta in 0.0025 0.01; do
  run --loss mse --reduction mean --beta "$beta"
  run --data idx --data-dir "$small" --loss mse --reduction mean --beta "$beta"
done
run --loss mse --reduction sum
run --data idx --data-dir "$small" --loss mse --reduction sum
settle
# The eigenvalues of the images at both sizes, which say what becomes of a beta*sigma^2.
explain="explain --loss mse --reduction sum --json"
# shellcheck disable=SC2086
"$bench" $explain --data idx --data-dir "$small" >"$out/9-larger-images-14x14.json"
# shellcheck disable=SC2086
"$bench" $explain --data "${DATA:-mnist}" >"$out/9-larger-images-28x28.json"
