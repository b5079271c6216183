#!/usr/bin/env python3
"""Replays runs of the VQ-VAE in PyTorch, in float64, from the definitions, and compares every row of metrics.csv.

    VAE_BENCH_DATA_DIR=DIR python scripts/parity_vq.py --data mnist [--binary target/release/vae-bench] [--out results/vq]

As scripts/parity.py, from which it takes images, losses, reductions and optimisers. The search, the straight-through gradient, both
stop-gradients, both terms and the moving averages are written down here a second time. Exits with 1 where a row differs by more
than 1e-3: a code that lies between two entries to the last bits of float32 may fall to the other one here.
"""

import argparse
import csv
import math
import os
import sys
import tempfile
import tomllib

import torch
import torch.nn.functional as F

import parity

TOLERANCE = 1e-3
COLUMNS = ["objective", "recon_term", "kl_term", "recon", "kl", "neg_elbo", "beta_effective", "beta_sigma2", "active_units",
           "codebook_term", "commitment_term", "code_distance", "perplexity", "codes_used", "commitment_ratio"]
SMALL = ["--hidden", "24", "--codes", "4", "--code-dim", "3", "--codebook-size", "8", "--epochs", "2", "--batch-size", "64", "--seed", "3"]
EPSILON = 1e-5


def configurations():
    """Every loss, reduction and way of moving the codebook."""
    for reduction in ["sum", "code-mean", "mean", "batch-sum"]:
        yield ["--loss", "bce", "--vq-reduction", reduction]
        yield ["--loss", "mse", "--reduction", "mean", "--recon-weight", "1/data-variance", "--vq-reduction", reduction]
    for loss in ["gaussian", "gaussian-learned", "laplace", "log-mse", "continuous-bernoulli"]:
        yield ["--loss", loss]
    yield ["--loss", "bce", "--binarize", "dynamic", "--codebook-weight", "0.25", "--commitment-cost", "1"]
    yield ["--loss", "bce", "--commitment-reduction", "mean", "--codebook-reduction", "batch-sum"]
    for start in ["ones", "zeros", "smoothed", "debiased"]:
        yield ["--loss", "bce", "--codebook-update", "ema", "--ema-start", start]
        yield ["--loss", "bce", "--codebook-update", "ema", "--ema-start", start, "--codebook-init", "normal"]
    for init in ["normal", "uniform-0.05", "glorot", "first-batch"]:
        yield ["--loss", "bce", "--codebook-init", init]
    # Not with Adam: at the k-means of the first batch the gradient of the entries is 0 but for rounding, and Adam makes full steps of it.
    yield ["--loss", "bce", "--codebook-init", "k-means", "--optimizer", "sgd", "--lr", "1e-3"]
    yield ["--loss", "bce", "--codebook-update", "ema", "--codebook-init", "k-means", "--codebook-decay", "0.8"]
    for optimizer in [["sgd", "--lr", "1e-3"], ["rmsprop"]]:
        yield ["--loss", "bce", "--optimizer", *optimizer]
    yield ["--loss", "bce", "--activation", "elu", "--codes", "1", "--code-dim", "16"]
    yield ["--loss", "bce", "--codes", "16", "--code-dim", "1"]
    yield ["--loss", "bce", "--engine", "candle"]


class VqReplay(parity.Replay):
    """A run in float64."""

    def __init__(self, config, streams):
        self.config, self.streams = config, streams
        tensors = {name[len("initial."):]: tensor.to(torch.float64) for name, tensor in streams.items() if name.startswith("initial.")}
        self.book = tensors.pop("codebook.weight")
        self.weights = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
        self.ema = config["codebook-update"] == "ema"
        if not self.ema:
            self.weights["codebook.weight"] = self.book.requires_grad_()
        self.hidden = sum(1 for name in self.weights if name.startswith("encoder.") and name.endswith("weight"))
        self.n, self.n_test = len(streams["images.train"]), len(streams["images.test"])
        self.pixels = streams["images.train"][0].numel()
        self.codes, self.dim, self.size = config["codes"], config["code-dim"], config["codebook-size"]
        self.batch = min(config["batch-size"], self.n)
        self.steps_per_epoch = math.ceil(self.n / config["batch-size"])
        self.optimizer = self.make_optimizer()
        if self.ema:
            start = config["ema-start"]
            self.counts = torch.ones(self.size) if start == "ones" else torch.zeros(self.size)
            self.sums = torch.zeros_like(self.book) if start == "debiased" else self.book.clone()
            self.one = 0.0

    def forward(self, x):
        act = {"relu": torch.relu, "tanh": torch.tanh, "softplus": F.softplus, "elu": F.elu}[self.config["activation"]]
        h = x
        for i in range(self.hidden):
            h = act(self.layer(h, f"encoder.{i}"))
        z = self.layer(h, "codes").reshape(-1, self.dim)
        codes = torch.cdist(z, self.book, compute_mode="donot_use_mm_for_euclid_dist").argmin(1)
        e = self.book[codes]
        per_image = lambda gap: gap.pow(2).sum() / len(x)
        codebook, commitment = per_image(z.detach() - e), per_image(z - e.detach())
        h = (z + (e - z).detach()).reshape(len(x), -1)
        for i in range(self.hidden + 1):
            h = self.layer(h, f"decoder.{i}")
            h = act(h) if i < self.hidden else h
        return z.detach(), codes, codebook, commitment, h

    def vq_weights(self, batch):
        """(a, codebook or None, commitment) for a batch of so many images."""
        of = self.config
        reduced = lambda how, elements: {"sum": 1, "mean": 1 / elements, "batch-sum": batch}[how]
        a = reduced(of["reduction"], self.pixels) * self.factor(of["recon-weight"])
        vq = {"sum": 1, "code-mean": 1 / self.codes, "mean": 1 / (self.codes * self.dim), "batch-sum": batch}
        commitment = of["commitment-cost"] * vq[of["commitment-reduction"]]
        return a, None if self.ema else of["codebook-weight"] * vq[of["codebook-reduction"]], commitment

    def update(self, z, codes):
        """The moving averages take in a batch."""
        g, start = self.config["codebook-decay"], self.config["ema-start"]
        used = F.one_hot(codes, self.size).to(torch.float64)
        self.counts = g * self.counts + (1 - g) * used.sum(0)
        self.sums = g * self.sums + (1 - g) * used.T @ z
        self.one = g * self.one + (1 - g)
        smooth = lambda c: (c + EPSILON) / (c.sum() + self.size * EPSILON) * c.sum()
        if start == "smoothed":
            self.counts = smooth(self.counts)
            self.book = self.sums / self.counts[:, None]
        elif start == "debiased":
            self.book = (self.sums / self.one) / smooth(self.counts / self.one)[:, None]
        else:
            self.book = self.sums / smooth(self.counts)[:, None]

    def train(self, epoch):
        x_all, order = self.images("train", epoch), self.streams[f"order.epoch.{epoch}"].long()
        sums = [0.0] * 5
        for first in range(0, self.n, self.config["batch-size"]):
            x = x_all[order[first:first + self.config["batch-size"]]]
            z, codes, codebook, commitment, output = self.forward(x)
            r, weighted, _ = self.reconstruction(output, x)
            a, w_cb, w_cm = self.vq_weights(len(x))
            terms = [a * weighted, torch.zeros(()) if w_cb is None else w_cb * codebook, w_cm * commitment]
            self.optimizer.zero_grad()
            sum(terms).backward()
            self.optimizer.step()
            if self.ema:
                self.update(z, codes)
            for i, value in enumerate([*terms, r, commitment]):
                sums[i] += value.item() * len(x)
        return self.vq_row(*[value / self.n for value in sums])

    @torch.no_grad()
    def test(self, epoch):
        x = self.images("test", epoch)
        _, codes, codebook, commitment, output = self.forward(x)
        r, weighted, _ = self.reconstruction(output, x)
        a, w_cb, w_cm = self.vq_weights(self.batch)
        row = self.vq_row(a * weighted.item(), 0.0 if w_cb is None else w_cb * codebook.item(), w_cm * commitment.item(), r.item(),
                          commitment.item())
        share = torch.bincount(codes, minlength=self.size) / len(codes)
        used = share[share > 0]
        row["perplexity"], row["codes_used"] = torch.exp(-(used * used.log()).sum()).item(), len(used)
        return row

    def vq_row(self, recon_term, codebook_term, commitment_term, recon, distance):
        a, w_cb, w_cm = self.vq_weights(self.batch)
        kl = self.codes * math.log(self.size)
        row = {"objective": recon_term + codebook_term + commitment_term, "recon_term": recon_term, "recon": recon, "kl": kl,
               "commitment_term": commitment_term, "code_distance": distance, "commitment_ratio": w_cm / a}
        if w_cb is not None:
            row["codebook_term"] = codebook_term
        if self.config["loss"] not in ["mse", "log-mse"]:
            row["neg_elbo"] = recon + kl
        return row


def compare(flags, args, images, work):
    """{(split, column): worst relative difference} of one run."""
    small = [word for i in range(0, len(SMALL), 2) if SMALL[i] not in flags for word in SMALL[i:i + 2]]
    model = ["--model", "vq-vae", "--data", "idx"]
    run, streams = parity.run_and_export(args.binary, [*flags, *small, *model], ["--data-dir", images], work)
    with open(os.path.join(run, "config.toml"), "rb") as config:
        replay = VqReplay(tomllib.load(config), streams)
    expected = {(0, "test"): replay.test(0)}
    for epoch in range(1, replay.config["epochs"] + 1):
        expected[epoch, "train"] = replay.train(epoch)
        expected[epoch, "test"] = replay.test(epoch)
    worst = {}
    with open(os.path.join(run, "metrics.csv")) as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == len(expected), (len(rows), len(expected))
    for row in rows:
        mine = expected[int(row["epoch"]), row["split"]]
        for column in COLUMNS:
            cell = row[column]
            if (cell == "") != (mine.get(column) is None):
                difference = math.nan
            elif cell == "":
                continue
            else:
                difference = abs(float(cell) - mine[column]) / max(abs(mine[column]), 1e-9)
            key = row["split"], column
            worst[key] = difference if math.isnan(difference) else max(difference, worst.get(key, 0.0))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/vae-bench")
    parser.add_argument("--data", default="synthetic", choices=["synthetic", "mnist"])
    parser.add_argument("--out", default="results/vq")
    parser.add_argument("--only", default="", help="only configurations whose flags contain this text")
    args = parser.parse_args()
    table, failed, count = [], [], 0
    images = tempfile.TemporaryDirectory()
    parity.write_images(args, images.name)
    for flags in configurations():
        name = " ".join(flags).replace("--", "")
        if args.only not in name:
            continue
        count += 1
        with tempfile.TemporaryDirectory() as work:
            worst = compare(flags, args, images.name, work)
        for (split, column), difference in worst.items():
            table.append([name, split, column, f"{difference:.2e}"])
            if not difference <= TOLERANCE:
                failed.append(f"{name}: {split} {column} {difference:.2e}")
                print(failed[-1], flush=True)
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, "parity.csv"), "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["configuration", "split", "column", "worst_relative_difference"])
        out.writerows(table)
    for split in ["test", "train"]:
        found = [float(row[3]) for row in table if row[1] == split]
        print(f"{split} rows of {count} configurations: worst {max(found):.1e}, median {sorted(found)[len(found) // 2]:.1e}")
    print(f"{len(failed)} differences above {TOLERANCE}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
