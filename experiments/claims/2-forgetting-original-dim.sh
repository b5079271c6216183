#!/usr/bin/env bash
# Said: "Forgetting to multiply by original_dim applies a smaller beta."
# The mean without the factor, the sum with the beta that it really is, and the sum with a smaller beta.
source "$(dirname "$0")/../common.sh" 3
run --reduction mean
run --reduction sum --beta 784
run --reduction sum --beta 0.00127551020408
settle
