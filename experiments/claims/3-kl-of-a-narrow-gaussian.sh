#!/usr/bin/env bash
# Said: "sigma = 0.1 gives KL 2.30." Arithmetic: nothing is trained.
source "$(dirname "$0")/../common.sh" 3
{
  for pair in "0 -4.605170185988091" "1.5 0" "0 1.3862943611198906"; do
    read -r mean logvar <<<"$pair"
    "$bench" explain kl --mean "$mean" --logvar "$logvar"
  done
} | tee "$out/$study.txt"
