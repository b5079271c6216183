#!/usr/bin/env python3
"""Replays runs of the VQ-VAE in PyTorch, in float64, from the definitions, and compares every row of metrics.csv.

    VAE_BENCH_DATA_DIR=DIR python scripts/parity_vq.py --data mnist [--binary target/release/vae-bench] [--out results/vq]

As scripts/parity.py, from which it takes images, losses, reductions and optimisers. The search, the straight-through gradient, both
stop-gradients, both terms and the moving averages are written down here a second time. Exits with 1 where a row differs by more
than 1e-3: a code that lies between two entries to the last bits of float32 may fall to the other one here.
"""

import math

import torch
import torch.nn.functional as F

import parity

TOLERANCE = {"test": 1e-3, "train": 1e-3}
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


if __name__ == "__main__":
    study = parity.Study(configurations, SMALL, ["--model", "vq-vae"], VqReplay, COLUMNS, TOLERANCE, "results/vq")
    parity.main(study, __doc__)
