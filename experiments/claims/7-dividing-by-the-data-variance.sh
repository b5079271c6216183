#!/usr/bin/env bash
# Said: "Dividing by the data variance makes the mean loss fair."
source "$(dirname "$0")/../common.sh" 3
run --loss mse --reduction mean --recon-weight 1/data-variance
run --loss mse --reduction mean
run --loss mse --reduction sum
settle
