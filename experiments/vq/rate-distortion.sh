#!/usr/bin/env bash
# A VQ-VAE's rate is chosen (N ln K nats), a VAE's is found by beta: both on one rate-distortion plot, binarised MNIST. Five epochs.
source "$(dirname "$0")/../common.sh" 5
for codes in 1 2 4 8; do
  vq --codes $codes --codebook-update ema --codebook-init k-means --restart-dead 1
done
for beta in 0.5 1 2 4 8; do
  run --loss bce --binarize dynamic --beta $beta
done
settle
settle_means
"$bench" plot "$out/$study.csv" --kind rate-distortion --out "$out"
