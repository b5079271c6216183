"""tensorflow/probability's examples/vq_vae.py (05fd85e) in PyTorch: the same network, loss, codebook, optimiser and steps.

    VAE_BENCH_DATA_DIR=DIR python experiments/vq/tfp_twin.py [--seeds 1 2 3] [--steps 9849] [--order shuffled|file] >results/vq/tfp-twin.csv

Needs torch and numpy. An MLP 784-256-128-(1 code of 16 numbers from 64)-128-256-784 with elu on MNIST cut at 1/2, Bernoulli NLL summed
over pixels + 0.25 * the commitment's element mean, codebook by an EMA of decay 0.99 whose counts begin at 0 and whose sums begin at the
entries, counts + 1e-5 below, Adam 1e-3, batches of 128. Written from the published description, shared with nothing of vae-bench.
"""

import argparse
import gzip
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F


def images(name):
    """The pixels of an IDX file, cut at 1/2, `[images, 784]`."""
    path = os.path.join(os.environ["VAE_BENCH_DATA_DIR"], name)
    opened = open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb")
    with opened as file:
        return torch.from_numpy((np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784) > 127).astype(np.float32))


def mlp(widths):
    layers = []
    for i, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        layers.append(torch.nn.Linear(inputs, outputs))
        torch.nn.init.xavier_uniform_(layers[-1].weight)
        torch.nn.init.zeros_(layers[-1].bias)
        if i + 2 < len(widths):
            layers.append(torch.nn.ELU())
    return torch.nn.Sequential(*layers)


def shuffled(train, steps):
    """Batches of 128, in a new order for every epoch."""
    order, at = torch.randperm(len(train)), 0
    for _ in range(steps):
        if at >= len(train):
            order, at = torch.randperm(len(train)), 0
        yield train[order[at:at + 128]]
        at += 128


def in_file_order(train, steps):
    """Batches of 128 as the example makes them: all images but the first 5,000, never shuffled, the file repeated without a break."""
    train = train[5000:]
    for step in range(steps):
        yield train[(torch.arange(128) + 128 * step) % len(train)]


def run(seed, steps, batches, train, test):
    torch.manual_seed(seed)
    encoder, decoder = mlp([784, 256, 128, 16]), mlp([16, 128, 256, 784])
    bound = (6 / (64 + 16)) ** 0.5
    book = torch.empty(64, 16).uniform_(-bound, bound)
    counts, sums = torch.zeros(64), book.clone()
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    for x in batches(train, steps):
        z = encoder(x)
        codes = torch.cdist(z.detach(), book).argmin(1)
        e = book[codes]
        nll = F.binary_cross_entropy_with_logits(decoder(z + (e - z).detach()), x, reduction="none").sum(1).mean()
        loss = nll + 0.25 * F.mse_loss(z, e)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        used = F.one_hot(codes, 64).float()
        counts = 0.99 * counts + 0.01 * used.sum(0)
        sums = 0.99 * sums + 0.01 * used.T @ z.detach()
        book = sums / (counts + 1e-5)[:, None]
    with torch.no_grad():
        z = encoder(test)
        codes = torch.cdist(z, book).argmin(1)
        nll = F.binary_cross_entropy_with_logits(decoder(book[codes]), test, reduction="none").sum(1).mean().item()
        share = torch.bincount(codes, minlength=64).double() / len(codes)
        used = share[share > 0]
        perplexity = torch.exp(-(used * used.log()).sum()).item()
        distance = (z - book[codes]).pow(2).sum(1).mean().item()
    return nll, distance, perplexity, len(used)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=9849)
    parser.add_argument("--order", choices=["shuffled", "file"], default="shuffled")
    args = parser.parse_args()
    torch.set_num_threads(1)
    train, test = images("train-images-idx3-ubyte"), images("t10k-images-idx3-ubyte")
    batches = shuffled if args.order == "shuffled" else in_file_order
    print("order,seed,steps,recon,code_distance,perplexity,codes_used")
    for seed in args.seeds:
        print(args.order, seed, args.steps, *run(seed, args.steps, batches, train, test), sep=",", flush=True)


if __name__ == "__main__":
    sys.exit(main())
