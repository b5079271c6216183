#!/usr/bin/env bash
# Said: "BCE is right for MNIST."
# Without any KL (beta 0), how low does BCE go? On grey pixels to their entropy, on binarised ones towards 0.
source "$(dirname "$0")/../common.sh" 3
run --beta 0 --binarize none --epochs "${EPOCHS:-6}"
run --beta 0 --binarize static --epochs "${EPOCHS:-6}"
run --binarize none
run --binarize static
settle
