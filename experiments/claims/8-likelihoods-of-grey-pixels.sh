#!/usr/bin/env bash
# Said: "BCE is right for MNIST." On grey pixels these are likelihoods: the masses of the 256 grey levels, with a floor of 0.
source "$(dirname "$0")/../common.sh" 3
run --loss discretized-logistic
run --loss discretized-gaussian --discretized-scale 0.2
settle
