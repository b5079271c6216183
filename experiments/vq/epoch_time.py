#!/usr/bin/env python3
"""Seconds of an epoch: a VQ-VAE (N = 10, d = 16, K = 64) beside a VAE of the same widths, and beside a PyTorch twin where torch is there.

    VAE_BENCH_DATA_DIR=DIR python experiments/vq/epoch_time.py [--rounds 7] [--threads 2] [--binary target/release/vae-bench] >results/vq/epoch-time.csv

Programs take turns, and the ratio is taken within a turn: other work on the machine slows all of a turn alike. The last line of stderr has the
medians of the ratios. train_s is the pass over 60,000 training images alone.
"""

import argparse
import csv
import gzip
import os
import statistics
import subprocess
import sys
import tempfile
import time


def ours(args, flags):
    """train_s of the second epoch."""
    with tempfile.TemporaryDirectory() as out:
        command = [args.binary, "--data", "mnist", "--epochs", "2", "--threads", str(args.threads), "--out", out, "--quiet", *flags]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        run = os.path.join(out, os.listdir(out)[0])
        with open(os.path.join(run, "timing.csv")) as file:
            return float(list(csv.DictReader(file))[-1]["train_s"])


def twin(args):
    """The same in PyTorch, eager, with the batches drawn before the clock starts."""
    import numpy as np
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    path = os.path.join(os.environ["VAE_BENCH_DATA_DIR"], "train-images-idx3-ubyte")
    opened = open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb")
    with opened as file:
        grey = torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784).copy())
    encoder = torch.nn.Sequential(torch.nn.Linear(784, 400), torch.nn.ReLU(), torch.nn.Linear(400, 160))
    decoder = torch.nn.Sequential(torch.nn.Linear(160, 400), torch.nn.ReLU(), torch.nn.Linear(400, 784))
    book = torch.nn.Parameter(torch.empty(64, 16).uniform_(-1 / 64, 1 / 64))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters(), book], lr=1e-3)
    for epoch in range(2):
        start, order = time.perf_counter(), torch.randperm(len(grey))
        for first in range(0, len(grey), 128):
            x = grey[order[first:first + 128]].float() / 255
            z = encoder(x).reshape(-1, 16)
            codes = (book.pow(2).sum(1) - 2 * z @ book.t()).argmin(1)
            e = book[codes]
            gap = F.mse_loss(z.detach(), e, reduction="sum") + 0.25 * F.mse_loss(z, e.detach(), reduction="sum")
            logits = decoder((z + (e - z).detach()).reshape(len(x), -1))
            loss = (F.binary_cross_entropy_with_logits(logits, x, reduction="sum") + gap) / len(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        seconds = time.perf_counter() - start
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--binary", default="target/release/vae-bench")
    args = parser.parse_args()
    try:
        import torch  # noqa: F401
        has_torch = True
    except ImportError:
        has_torch = False
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["round", "threads", "vae_s", "vq_vae_s", "ema_s", "twin_s", "vq_vae_per_vae", "ema_per_vae", "twin_per_vq_vae"])
    rows = []
    for i in range(1, args.rounds + 1):
        vae = ours(args, [])
        vq = ours(args, ["--model", "vq-vae"])
        ema = ours(args, ["--model", "vq-vae", "--codebook-update", "ema"])
        torch_s = twin(args) if has_torch else float("nan")
        rows.append([vq / vae, ema / vae, torch_s / vq])
        table.writerow([i, args.threads, *(f"{v:.4f}" for v in [vae, vq, ema, torch_s, *rows[-1]])])
        sys.stdout.flush()
    medians = [statistics.median(column) for column in zip(*rows)]
    print("medians: a VQ-VAE's epoch takes {:.3f} times a VAE's, {:.3f} with an EMA; the twin's {:.2f} times ours".format(*medians), file=sys.stderr)


if __name__ == "__main__":
    main()
