#!/usr/bin/env bash
# Said: the commitment cost trades rate against distortion. z -> c z, e -> c e leaves S and scales C, and the rate is N ln K
# whatever rho is: rho over six decades. The argument holds where the entries can follow the encoder: a moving average follows at
# any scale, a gradient under Adam moves an entry by about the learning rate per step. Five epochs.
source "$(dirname "$0")/../common.sh" 5
for cost in 0.0001 0.001 0.01 0.1 1 10 100; do
  vq --commitment-cost $cost --codebook-update ema
  vq --commitment-cost $cost
done
settle
settle_means
