#!/usr/bin/env bash
# Said: "We use the usual kl_weight of 1e-6."
# The same 1e-6 in front of four KLs that are reduced in four ways, beside one L1 loss. One network, pixels in [0, 1], so
# that only a and b differ: summed L1 + summed KL (latent-diffusion), mean L1 + summed KL (monai), mean L1 + mean KL, and
# mean L1 + a KL that is summed over the batch as well.
source "$(dirname "$0")/../common.sh" 3
same=(--hidden 400 --latent-dim 20 --batch-size 128 --lr 1e-3 --pixel-range unit)
run --preset latent-diffusion "${same[@]}"
run --preset monai "${same[@]}"
run --loss laplace --reduction mean --kl-reduction mean --beta 1e-6 "${same[@]}"
run --loss laplace --reduction mean --kl-reduction batch-sum --beta 1e-6 "${same[@]}"
settle
