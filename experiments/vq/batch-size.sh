#!/usr/bin/env bash
# pythae's main branch sums both VQ terms over the batch: 32 to 512 images a step. The printed terms of one model follow the batch,
# and the distance C does not: the untrained model (no epochs) under each batch size. Then five epochs of each.
source "$(dirname "$0")/../common.sh" 5
for batch in 32 64 128 512; do
  run --preset vq-pythae-main --batch-size $batch --epochs 0
  run --preset vq-pythae-main --batch-size $batch
done
settle
settle_means
