#!/usr/bin/env bash
# pythae's main branch sums both VQ terms over the batch: 32 to 512 images a step. The printed terms follow the batch, the
# canonical distance C need not.
source "$(dirname "$0")/../common.sh" 5
for batch in 32 64 128 512; do
  run --preset vq-pythae-main --batch-size $batch
done
settle
settle_means
