#!/usr/bin/env bash
# GECO (Rezende & Viola 2018) finds lambda so that the squared error comes down to a tolerance. A tolerance of 20 per image on the
# sum; the same number on the mean, where it is 15,680 per image; the rescaled number, 20/784, on the mean; and that with the
# rate and the first lambda rescaled too, which is the objective of the sum again. Five epochs.
source "$(dirname "$0")/../common.sh" 5
run --loss mse --geco-tolerance 20
run --loss mse --reduction mean --geco-tolerance 20
run --loss mse --reduction mean --geco-tolerance 20/pixels
run --loss mse --reduction mean --geco-tolerance 20/pixels --geco-rate 0.0784 --geco-lambda pixels
settle
"$bench" merge "$runs" --out "$out/$study-epochs.csv"
"$bench" plot "$runs" --kind curves --panel multiplier,recon,kl --out "$runs/plots" >/dev/null
cp "$runs"/plots/curves-*-multiplier-recon-kl.svg "$out/$study-multiplier.svg"
