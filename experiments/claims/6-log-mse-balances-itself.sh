#!/usr/bin/env bash
# Said: "log(MSE) balances the terms by itself."
# The bare logarithm, the one with D/2, and the optimal sigma-VAE that the latter is up to a constant.
source "$(dirname "$0")/../common.sh" 3
run --loss log-mse --log-mse-scale bare
run --loss log-mse --log-mse-scale half-pixels
run --loss gaussian-optimal
settle
