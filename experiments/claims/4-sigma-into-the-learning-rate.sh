#!/usr/bin/env bash
# Said: "The scale 1/(2 sigma^2) can be absorbed into the learning rate."
# A Gaussian of sigma^2 = 0.1 beside a KL; and sigma^2 = 1 with the same, ten times and a tenth of the learning rate.
source "$(dirname "$0")/common.sh"
run --loss gaussian --sigma2 0.1 --lr 0.001
run --loss gaussian --sigma2 1 --lr 0.001
run --loss gaussian --sigma2 1 --lr 0.01
run --loss gaussian --sigma2 1 --lr 0.0001
settle
