#!/usr/bin/env bash
# pythae's VQ-VAE with its default MLP quantises single numbers (d = 1, N = latent_dim; its issue 138): 16 numbers as 16 codes
# of one, 4 codes of four, and one code of 16.
source "$(dirname "$0")/common.sh"
run --preset vq-pythae-mlp
vq --codes 16 --code-dim 1
vq --codes 4 --code-dim 4
vq --codes 1 --code-dim 16
settle
