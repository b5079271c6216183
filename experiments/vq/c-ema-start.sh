#!/usr/bin/env bash
# Said: "the codebook is updated by an EMA". There are four of them: where the averages begin decides what becomes of an entry
# that no code uses. Entries begin as N(0, 1), one code per image, so that many entries
# are unused at first; beside them a codebook with a gradient, and one whose dead entries are restarted.
source "$(dirname "$0")/common.sh"
for start in ones zeros smoothed debiased; do
  vq --codes 1 --codebook-update ema --ema-start $start --codebook-init normal
done
vq --codes 1 --codebook-init normal
vq --codes 1 --codebook-update ema --restart-dead 1 --codebook-init normal
settle
