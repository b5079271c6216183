#!/usr/bin/env bash
# ControlVAE (Shao et al. 2020) finds beta so that the KL comes to a target. A target of 20 nats on the KL as it is; the same number
# on its mean over 20 latents, where it is 400 nats per image; and the rescaled number, 1, on that mean, with the paper's bounds of
# beta and with bounds that are rescaled too. Five epochs.
source "$(dirname "$0")/../common.sh" 5
run --loss mse --target-kl 20
run --loss mse --kl-reduction mean --target-kl 20
run --loss mse --kl-reduction mean --target-kl 1
run --loss mse --kl-reduction mean --target-kl 1 --beta-max 20 --pi-kp 0.2 --pi-ki 0.04
settle
"$bench" merge "$runs" --out "$out/$study-epochs.csv"
"$bench" plot "$runs" --kind curves --panel multiplier,recon,kl --out "$runs/plots" >/dev/null
cp "$runs"/plots/curves-*-multiplier-recon-kl.svg "$out/$study-multiplier.svg"
