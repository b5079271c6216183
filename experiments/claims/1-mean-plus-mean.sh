#!/usr/bin/env bash
# Said: "mean + mean equals (sum + sum) / d, so the two Keras losses are equivalent."
# Two latents: mean of BCE over 784 pixels + mean of KL over 2 latents, against the sums; and the beta it really is.
source "$(dirname "$0")/../common.sh" 3
run --latent-dim 2 --reduction mean --kl-reduction mean
run --latent-dim 2 --reduction sum --kl-reduction sum
run --latent-dim 2 --reduction sum --kl-reduction sum --beta 392
settle
