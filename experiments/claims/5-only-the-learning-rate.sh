#!/usr/bin/env bash
# Said: "Sum or mean only changes the learning rate."
# True where both terms share the factor: sum, batch-sum, and both divided by 784. False where only one has it.
source "$(dirname "$0")/../common.sh" 3
run --reduction sum
run --reduction batch-sum
run --reduction mean --kl-weight 1/pixels
run --reduction mean
settle
