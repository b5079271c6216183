#!/usr/bin/env bash
# pythae's VQ-VAE with its default MLP quantises single numbers (d = 1, N = latent_dim; its issue 138). Beside it 16 codes of 1, 4
# and 16 numbers from 64 entries, one rate for all; and 16 numbers as 4 codes of four and as one code of 16. Five epochs.
source "$(dirname "$0")/../common.sh" 5
run --preset vq-pythae-mlp
for dim in 1 4 16; do
  vq --codes 16 --code-dim $dim
done
vq --codes 4 --code-dim 4
vq --codes 1 --code-dim 16
settle
settle_means
