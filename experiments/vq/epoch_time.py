#!/usr/bin/env python3
"""Processor seconds of an epoch: a VQ-VAE (N = 10, d = 16, K = 64) beside a VAE of the same hidden widths with 20 latents and
with 160, as many numbers as the code has, and beside a PyTorch twin where torch is there.

    VAE_BENCH_DATA_DIR=DIR python experiments/vq/epoch_time.py [--rounds 7] [--images 20000] [--binary target/release/vae-bench] >results/vq/epoch-time.csv

On one thread, and by the processor's clock of the process and not the wall's, so that other work on the machine counts little. Programs take
turns and the ratio is taken within a turn. An epoch is half of what two epochs add to a run that trains none. The last line of stderr has
the medians of the ratios.
"""

import argparse
import csv
import gzip
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time


def cpu_seconds(args, epochs, flags):
    """Processor seconds of a whole run."""
    with tempfile.TemporaryDirectory() as out:
        sizes = ["--train-size", str(args.images), "--test-size", "100", "--epochs", str(epochs), "--threads", "1"]
        command = [args.binary, "--data", "mnist", *sizes, "--out", out, "--quiet", *flags]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ours(args, flags):
    """Processor seconds of an epoch."""
    return (cpu_seconds(args, 2, flags) - cpu_seconds(args, 0, flags)) / 2


def twin(args):
    """The same in PyTorch, eager: the second epoch."""
    import numpy as np
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(1)
    torch.manual_seed(1)
    path = os.path.join(os.environ["VAE_BENCH_DATA_DIR"], "train-images-idx3-ubyte")
    opened = open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb")
    with opened as file:
        grey = torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784).copy())
    encoder = torch.nn.Sequential(torch.nn.Linear(784, 400), torch.nn.ReLU(), torch.nn.Linear(400, 160))
    decoder = torch.nn.Sequential(torch.nn.Linear(160, 400), torch.nn.ReLU(), torch.nn.Linear(400, 784))
    book = torch.nn.Parameter(torch.empty(64, 16).uniform_(-1 / 64, 1 / 64))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters(), book], lr=1e-3)
    for _ in range(2):
        start, order = time.process_time(), torch.randperm(len(grey))[:args.images]
        for first in range(0, args.images, 128):
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
        seconds = time.process_time() - start
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=20000)
    parser.add_argument("--binary", default="target/release/vae-bench")
    args = parser.parse_args()
    try:
        import torch  # noqa: F401
        has_torch = True
    except ImportError:
        has_torch = False
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["round", "images", "vae_s", "vae_160_s", "vq_vae_s", "ema_s", "twin_s",
                    "vq_vae_per_vae", "vq_vae_per_vae_160", "ema_per_vae", "twin_per_vq_vae"])
    rows = []
    for i in range(1, args.rounds + 1):
        vae = ours(args, [])
        wide = ours(args, ["--latent-dim", "160"])
        vq = ours(args, ["--model", "vq-vae"])
        ema = ours(args, ["--model", "vq-vae", "--codebook-update", "ema"])
        torch_s = twin(args) if has_torch else float("nan")
        rows.append([vq / vae, vq / wide, ema / vae, torch_s / vq])
        table.writerow([i, args.images, *(f"{v:.4f}" for v in [vae, wide, vq, ema, torch_s, *rows[-1]])])
        sys.stdout.flush()
    medians = [statistics.median(column) for column in zip(*rows)]
    print("medians: a VQ-VAE's epoch takes {:.3f} times a VAE's of 20 latents, {:.3f} times one of 160, {:.3f} with an EMA; the twin's {:.2f} times ours".format(*medians), file=sys.stderr)


if __name__ == "__main__":
    main()
