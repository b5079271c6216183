#!/usr/bin/env python3
"""Trains one epoch twice: here by the flags that `vae-bench probe` prints, and in PyTorch by the probed function itself, from
the same weights, images, order and noise (`vae-bench export --streams`). Compares the average loss of the epoch.

    python scripts/probe_trains.py [--binary target/release/vae-bench] [--out results/probe/trains.csv]

Needs torch. Exits with 1 where the two differ by more than 1e-3.
"""

import argparse
import csv
import json
import os
import shlex
import subprocess
import sys
import tempfile
import tomllib

import torch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(ROOT, "scripts"), os.path.join(ROOT, "results", "probe", "losses")]
import torch_losses as losses
from parity import Replay, run_and_export

# What the function takes for the reconstruction, and for the last output of the encoder.
LOGITS, PROBABILITIES, MEANS = (lambda l: l), torch.sigmoid, (lambda l: l)
LOGVAR, SIGMA = (lambda v: v), (lambda v: torch.exp(0.5 * v))
CASES = {
    "summed_bce": (PROBABILITIES, LOGVAR),
    "only_the_reduction_left_out": (PROBABILITIES, LOGVAR),
    "logits_beta": (LOGITS, LOGVAR),
    "mean_mse_small_weight": (MEANS, LOGVAR),
    "l1_mean_with_kl_weight": (MEANS, SIGMA),
    "gaussian_with_constants": (MEANS, LOGVAR),
    "optimal_gaussian": (MEANS, LOGVAR),
    "log_of_mse": (MEANS, LOGVAR),
    "free_bits_per_latent": (MEANS, LOGVAR),
    "capacity": (LOGITS, LOGVAR),
    "beta_twice": (MEANS, LOGVAR),
    "batch_divided_twice": (PROBABILITIES, LOGVAR),
    "batch_sum_onto_per_image_kl": (MEANS, LOGVAR),
}
SMALL = ["--data", "synthetic", "--train-size", "1024", "--test-size", "100", "--hidden", "24", "--latent-dim", "5",
         "--epochs", "1", "--batch-size", "128"]


def epoch(replay, function, recon_of, argument_of, offset):
    """The average loss of the user's own loop over an epoch."""
    x_all, noise_all = replay.images("train", 1), replay.streams["noise.train.epoch.1"].to(torch.float64)
    order, total = replay.streams["order.epoch.1"].long(), 0.0
    for first in range(0, replay.n, replay.config["batch-size"]):
        chosen = order[first:first + replay.config["batch-size"]]
        x = x_all[chosen]
        mean, logvar, _, output = replay.forward(x, noise_all[first:first + len(chosen)])
        returned = function(recon_of(output), x, mean, argument_of(logvar))
        loss = returned["loss"] if isinstance(returned, dict) else returned
        replay.optimizer.zero_grad()
        loss.backward()
        replay.optimizer.step()
        total += (loss.item() + offset) * len(chosen)
    return total / replay.n


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default=os.path.join(ROOT, "target/release/vae-bench"))
    parser.add_argument("--out", default=os.path.join(ROOT, "results", "probe", "trains.csv"))
    args = parser.parse_args()
    rows, worst = [], 0.0
    for name, (recon_of, argument_of) in CASES.items():
        target = f"{losses.__file__}:{name}"
        command = [args.binary, "probe", target, "--python", sys.executable, "--json", *SMALL]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout)
        with tempfile.TemporaryDirectory() as work:
            run, streams = run_and_export(args.binary, shlex.split(found["flags"]), [], work)
            with open(os.path.join(run, "config.toml"), "rb") as config:
                replay = Replay(tomllib.load(config), streams)
            with open(os.path.join(run, "metrics.csv")) as table:
                here = float(next(row for row in csv.DictReader(table) if row["split"] == "train")["objective"])
        # An absolute error trains as a Laplace NLL of scale 1: the same but for the constant a * D * log 2.
        laplace = found["flags"].startswith("--loss laplace") and found["likelihood"] == "None"
        offset = torch.log(torch.tensor(2.0, dtype=torch.float64)).item() if laplace else 0.0
        there = epoch(replay, getattr(losses, name), recon_of, argument_of, offset)
        difference = abs(here - there) / abs(there)
        worst = max(worst, difference)
        rows.append([name, found["flags"].split(" --data ")[0], f"{there:.6g}", f"{here:.6g}", f"{difference:.1e}"])
        print(*rows[-1], sep="  ", flush=True)
        with open(args.out, "w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(["function", "flags", "loss_of_the_users_loop", "objective_of_the_flags", "relative_difference"])
            out.writerows(rows)
    print(f"{len(rows)} functions, worst difference {worst:.1e}")
    sys.exit(worst > 1e-3)


main()
