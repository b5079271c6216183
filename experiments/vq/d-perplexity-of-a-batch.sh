#!/usr/bin/env bash
# Said: perplexity K means that every code is used. The perplexity that training prints is a batch's, which cannot exceed the
# codes in the batch: the same trained model, measured on 32, 128, 512 and all test images.
source "$(dirname "$0")/common.sh"
for images in 32 128 512; do
  vq --codes 1 --codebook-size 512 --codebook-init k-means --test-size $images
done
vq --codes 1 --codebook-size 512 --codebook-init k-means
settle
