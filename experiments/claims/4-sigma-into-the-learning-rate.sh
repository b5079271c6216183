#!/usr/bin/env bash
# Said: "The scale 1/(2 sigma^2) can be absorbed into the learning rate."
# A Gaussian of sigma^2 = 0.1 beside a KL; and sigma^2 = 1 with the same, ten times and a tenth of the learning rate. With
# Adam, whose step hardly sees a loss's scale, and with SGD, where the saying could hold.
source "$(dirname "$0")/../common.sh" 3
for optimizer in adam sgd; do
  # The first is the rate beside sigma^2 = 0.1; SGD on a sum over 784 pixels needs a small one.
  case $optimizer in
    adam) rates=(0.001 0.01 0.0001) ;;
    sgd) rates=(0.0003 0.003 0.00003) ;;
  esac
  run --optimizer "$optimizer" --loss gaussian --sigma2 0.1 --lr "${rates[0]}"
  for rate in "${rates[@]}"; do
    run --optimizer "$optimizer" --loss gaussian --sigma2 1 --lr "$rate"
  done
done
settle
