#!/usr/bin/env bash
# What four times the epochs make of b-commitment-ratio.sh: does a codebook with a gradient catch up, and do moving averages reach
# the same images at a small rho?
source "$(dirname "$0")/../common.sh" 20
for cost in 0.0001 0.01 1; do
  vq --commitment-cost $cost
done
for cost in 0.0001 1; do
  vq --commitment-cost $cost --codebook-update ema
done
settle
settle_means
