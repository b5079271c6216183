#!/usr/bin/env bash
# Said: the weight of the codebook term matters. Under Adam the entries have gradient from that term alone, so it should be
# invisible, and "beta on the wrong term" should be a commitment cost of 1 in place of 0.25. Under SGD it is a learning rate.
# Five epochs.
source "$(dirname "$0")/../common.sh" 5
for weight in 0.25 1 16; do
  vq --codebook-weight $weight
done
vq --codebook-weight 0.25 --commitment-cost 1
vq --codebook-weight 1 --commitment-cost 1
for weight in 0.25 1 16; do
  vq --optimizer sgd --lr 0.01 --codebook-weight $weight
done
settle
settle_means
