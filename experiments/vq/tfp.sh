#!/usr/bin/env bash
# tensorflow/probability's example as it is published: an MLP on MNIST cut at 1/2, one code of 64 entries, 10,000 steps of 128 images
# (21 epochs are 9,849). Beside it the PyTorch twin of experiments/vq/tfp_twin.py, whose numbers are in tfp-twin.csv.
source "$(dirname "$0")/../common.sh" 21
run --preset vq-tfp
settle
settle_means
# The whole codebook decoded, and its use, of the first seed.
first="$(grep -l '^seed = 1$' "$runs"/*/config.toml | head -1)"
"$bench" eval "$(dirname "$first")" --images --quiet >/dev/null
for image in codebook code-use reconstructions; do
  cp "$(dirname "$first")/images/$image.png" "$out/tfp-$image.png"
done
