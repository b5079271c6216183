#!/usr/bin/env python3
"""Replays runs of vae-bench in PyTorch, in float64, from the definitions, and compares every row of metrics.csv.

    VAE_BENCH_DATA_DIR=DIR python scripts/parity.py --data mnist [--binary target/release/vae-bench] [--out results/parity]

Needs torch and nothing else; without a data directory, --data synthetic. Of a run it takes config.toml and the file of
`vae-bench export RUN --streams` (images, initial weights, order, noise, binarisation: docs/streams.md). Losses, KL,
reductions, schedules and columns are written down here a second time, with torch.nn.functional, torch.distributions,
autograd and torch.optim. The table has, for every configuration, split and column, the worst relative difference over
epochs. Exits with 1 where a test row differs by more than 1e-5, or a training row by more than 1.3e-4.
"""

import argparse
import csv
import json
import math
import os
import struct
import subprocess
import sys
import tempfile
import tomllib
import typing

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
TOLERANCE = {"test": 1e-5, "train": 1.3e-4}
COLUMNS = ["objective", "recon_term", "kl_term", "recon", "kl", "neg_elbo", "beta_effective", "beta_sigma2", "active_units",
           "bits_per_dim", "multiplier"]
SIZES = ["--train-size", "300", "--test-size", "200"]
SMALL = ["--hidden", "24", "--latent-dim", "5", "--epochs", "2", "--batch-size", "64", "--seed", "3"]
LOGITS = ["bce", "continuous-bernoulli"]
MEANS = ["mse", "gaussian", "gaussian-learned", "gaussian-optimal", "log-mse", "laplace"]
GREY_LEVELS = ["discretized-logistic", "discretized-gaussian"]


def configurations():
    """Flags by flags: every loss with every pair of reductions, then everything else one or two at a time."""
    for loss in LOGITS + MEANS:
        for reduction in ["sum", "mean", "batch-sum"]:
            yield ["--loss", loss, "--reduction", reduction]
            for kl in ["sum", "mean", "batch-sum"]:
                yield ["--loss", loss, "--reduction", reduction, "--kl-reduction", kl, "--beta", "0.7"]
    for loss in MEANS:
        for output in ["identity", "sigmoid", "tanh"]:
            for pixels in ["unit", "symmetric", "centered"]:
                yield ["--loss", loss, "--output-activation", output, "--pixel-range", pixels]
    for loss in LOGITS + ["mse", "gaussian"]:
        for binarize in ["threshold", "static", "dynamic"]:
            yield ["--loss", loss, "--binarize", binarize]
    for loss in GREY_LEVELS:
        for reduction in ["sum", "mean", "batch-sum"]:
            yield ["--loss", loss, "--reduction", reduction]
        for output in ["sigmoid", "tanh"]:
            yield ["--loss", loss, "--output-activation", output]
        for scale in ["0.02", "0.3"]:
            yield ["--loss", loss, "--discretized-scale", scale]
        yield ["--loss", loss, "--binarize", "static"]
    yield ["--loss", "gaussian", "--sigma2", "0.05"]
    yield ["--loss", "laplace", "--laplace-scale", "0.2"]
    yield ["--loss", "log-mse", "--log-mse-scale", "half-pixels"]
    for weight in ["0.0025", "pixels", "1/pixels", "1/data-variance", "1/batch-pixels"]:
        yield ["--loss", "mse", "--recon-weight", weight]
        yield ["--loss", "bce", "--kl-weight", weight]
    for kind in ["latent:0.5", "latent-batch:0.5", "image:3"]:
        yield ["--loss", "bce", "--free-bits", kind]
        yield ["--loss", "bce", "--free-bits", kind, "--reduction", "mean", "--kl-reduction", "mean"]
    for loss in ["bce", "mse", "gaussian-learned"]:
        yield ["--loss", loss, "--capacity", "5", "--gamma", "30"]
        yield ["--loss", loss, "--capacity", "5", "--gamma", "30", "--capacity-rise", "linear:2epochs"]
    for loss, tolerance in [("bce", "150"), ("mse", "30"), ("gaussian", "800"), ("gaussian-learned", "-200"), ("log-mse", "-3")]:
        yield ["--loss", loss, "--geco-tolerance", tolerance, "--geco-rate", "0.001"]
        yield ["--loss", loss, "--geco-tolerance", tolerance, "--reduction", "mean", "--kl-reduction", "mean", "--geco-lambda", "3"]
    for loss in ["bce", "mse", "gaussian-optimal"]:
        for kl in ["sum", "mean", "batch-sum"]:
            yield ["--loss", loss, "--target-kl", "4", "--pi-ki", "0.01", "--beta-max", "3", "--kl-reduction", kl]
    for rise in ["linear:2epochs", "linear:7steps", "cosine:2epochs", "cosine:6steps", "cyclical:1epochs", "cyclical:3steps"]:
        yield ["--loss", "bce", "--warmup", rise]
    for loss in ["bce", "mse", "gaussian-optimal"]:
        yield ["--loss", loss, "--kl-estimator", "monte-carlo"]
    yield ["--loss", "bce", "--kl-estimator", "monte-carlo", "--free-bits", "image:3"]
    yield ["--loss", "bce", "--sampling", "keras-2016-05"]
    for optimizer in [["adam", "--adam-beta1", "0.5", "--adam-beta2", "0.99", "--adam-eps", "1e-4"], ["sgd", "--lr", "1e-4"],
                      ["rmsprop"], ["rmsprop", "--rmsprop-alpha", "0.9"], ["adagrad", "--lr", "0.01"]]:
        yield ["--loss", "bce", "--optimizer", *optimizer]
        yield ["--loss", "gaussian-learned", "--optimizer", *optimizer]
    for activation in ["relu", "tanh", "softplus"]:
        for init in ["pytorch", "glorot", "normal"]:
            yield ["--loss", "bce", "--activation", activation, "--init", init]
    for loss in ["bce", "gaussian"]:
        yield ["--loss", loss, "--output-bias", "data-mean"]
    yield ["--loss", "mse", "--hidden", ""]
    yield ["--loss", "bce", "--hidden", "20,10", "--batch-size", "300"]
    yield ["--loss", "bce", "--batch-size", "1", "--train-size", "40"]
    yield ["--loss", "bce", "--reduction", "batch-sum", "--batch-size", "500"]
    yield ["--loss", "bce", "--engine", "candle"]


def load(path):
    """The tensors of a safetensors file."""
    kinds = {"F32": torch.float32, "U8": torch.uint8, "U32": torch.int32}
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        content = bytearray(file.read())
    tensors = {}
    for name, info in header.items():
        if name != "__metadata__":
            start, end = info["data_offsets"]
            flat = torch.frombuffer(content, dtype=kinds[info["dtype"]], offset=start, count=math.prod(info["shape"]))
            tensors[name] = flat.reshape(info["shape"])
    return tensors


class Replay:
    """A run in float64."""

    def __init__(self, config, streams):
        self.config, self.streams = config, streams
        self.weights = {name[len("initial."):]: tensor.to(torch.float64).requires_grad_()
                        for name, tensor in streams.items() if name.startswith("initial.")}
        self.hidden = sum(1 for name in self.weights if name.startswith("encoder.") and name.endswith("weight"))
        self.n, self.n_test = len(streams["images.train"]), len(streams["images.test"])
        self.pixels = streams["images.train"][0].numel()
        self.latents = config["latent-dim"]
        self.batch = min(config["batch-size"], self.n)
        self.steps_per_epoch = math.ceil(self.n / config["batch-size"])
        self.step = 0
        # lambda and the moving average of GECO; beta before its clamp and the integral of ControlVAE.
        self.multiplier = config.get("geco-lambda", config.get("beta-min"))
        self.memory = None if "geco-tolerance" in config else 0.0
        self.optimizer = self.make_optimizer()

    def make_optimizer(self):
        of, parameters = self.config, list(self.weights.values())
        match of["optimizer"]:
            case "adam":
                betas = (of["adam-beta1"], of["adam-beta2"])
                return torch.optim.Adam(parameters, lr=of["lr"], betas=betas, eps=of["adam-eps"])
            case "sgd":
                return torch.optim.SGD(parameters, lr=of["lr"])
            case "rmsprop":
                return torch.optim.RMSprop(parameters, lr=of["lr"], alpha=of["rmsprop-alpha"], eps=1e-8)
            case "adagrad":
                return torch.optim.Adagrad(parameters, lr=of["lr"], eps=1e-10)

    def images(self, split, epoch):
        """All images of a split as they were seen in `epoch`."""
        grey = self.streams[f"images.{split}"].flatten(1)
        match self.config["binarize"]:
            case "none":
                x = grey.to(torch.float64) / 255
            case "threshold":
                x = (grey >= 128).to(torch.float64)
            case "static":
                x = self.streams[f"binarized.{split}"].to(torch.float64)
            case "dynamic":
                name = "binarized.test" if split == "test" else f"binarized.train.epoch.{epoch}"
                x = self.streams[name].to(torch.float64)
        return {"unit": x, "symmetric": 2 * x - 1, "centered": x - 0.5}[self.config["pixel-range"]]

    def layer(self, x, name):
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def forward(self, x, noise):
        act = {"relu": torch.relu, "tanh": torch.tanh, "softplus": F.softplus, "elu": F.elu}[self.config["activation"]]
        h = x
        for i in range(self.hidden):
            h = act(self.layer(h, f"encoder.{i}"))
        mean, logvar = self.layer(h, "mean"), self.layer(h, "logvar")
        if self.config["sampling"] == "keras-2016-05":
            z = mean + 0.01 * torch.exp(logvar) * noise
        else:
            z = mean + torch.exp(0.5 * logvar) * noise
        h = z
        for i in range(self.hidden + 1):
            h = self.layer(h, f"decoder.{i}")
            h = act(h) if i < self.hidden else h
        return mean, logvar, z, h

    def sigma(self):
        """exp of the softclipped log sigma (Rybkin et al. 2021)."""
        return torch.exp(-6 + F.softplus(self.weights["log_sigma"] + 6))

    def reconstruction(self, output, x):
        """(R or S, what the objective weighs, S): of a batch, averaged over images, summed over pixels."""
        of, loss = self.config, self.config["loss"]
        if loss == "bce":
            r = F.binary_cross_entropy_with_logits(output, x, reduction="none").sum(1).mean()
            return r, r, None
        if loss == "continuous-bernoulli":
            r = -torch.distributions.ContinuousBernoulli(logits=output, validate_args=False).log_prob(x).sum(1).mean()
            return r, r, None
        maps = {"identity": lambda t: t, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
        mean = maps[of["output-activation"]](output)
        s = F.mse_loss(mean, x, reduction="none").sum(1).mean()
        match loss:
            case "mse":
                r = s
            case "gaussian":
                r = -torch.distributions.Normal(mean, math.sqrt(of["sigma2"])).log_prob(x).sum(1).mean()
            case "gaussian-learned":
                r = -torch.distributions.Normal(mean, self.sigma()).log_prob(x).sum(1).mean()
            case "gaussian-optimal":
                sigma = F.mse_loss(mean, x).sqrt()
                r = -torch.distributions.Normal(mean, sigma).log_prob(x).sum(1).mean()
            case "discretized-logistic" | "discretized-gaussian":
                r = self.grey_levels(mean, x).sum(1).mean()
                return r, r, None
            case "laplace":
                r = -torch.distributions.Laplace(mean, of["laplace-scale"]).log_prob(x).sum(1).mean()
            case "log-mse":
                factor = self.pixels / 2 if of["log-mse-scale"] == "half-pixels" else 1
                return s, factor * torch.log(F.mse_loss(mean, x)), s
        return r, r, s

    def grey_levels(self, mean, x):
        """-log of the mass of each pixel's bin, by log F(upper) + log(1 - F(lower) / F(upper)), mirrored where F is near 1."""
        scale, half = self.config["discretized-scale"], 0.5 / 255
        log_below = F.logsigmoid if self.config["loss"] == "discretized-logistic" else torch.special.log_ndtr
        lower, upper = (x - half - mean) / scale, (x + half - mean) / scale
        near, far = torch.where(lower + upper > 0, -lower, upper), torch.where(lower + upper > 0, -upper, lower)
        inner = log_below(near) + torch.log(-torch.expm1(log_below(far) - log_below(near)))
        return -torch.where(x < half, log_below(upper), torch.where(x > 1 - half, log_below(-lower), inner))

    def divergence(self, mean, logvar, z):
        """(K in closed form, K as the objective takes it), averaged over images."""
        kl = -0.5 * (1 + logvar - mean.pow(2) - logvar.exp())
        if self.config["kl-estimator"] == "monte-carlo":
            q, p = torch.distributions.Normal(mean, torch.exp(0.5 * logvar)), torch.distributions.Normal(0.0, 1.0)
            estimate = (q.log_prob(z) - p.log_prob(z)).sum(1, keepdim=True)
        else:
            estimate = kl
        if "free-bits" in self.config:
            kind, nats = self.config["free-bits"].split(":")
            nats = float(nats)
            match kind:
                case "latent":
                    free = estimate.clamp(min=nats).sum(1).mean()
                case "latent-batch":
                    free = estimate.mean(0).clamp(min=nats).sum()
                case "image":
                    free = estimate.sum(1).clamp(min=nats).mean()
            return kl.sum(1).mean(), free
        return kl.sum(1).mean(), estimate.sum(1).mean()

    def factor(self, written):
        if isinstance(written, str):
            x = self.images("train", 1)
            return {"pixels": self.pixels, "1/pixels": 1 / self.pixels, "1/data-variance": 1 / x.var(correction=0).item(),
                    "1/batch-pixels": 1 / (self.config["batch-size"] * self.pixels)}[written]
        return written

    def rise(self, name, step):
        if name not in self.config:
            return 1.0
        shape, length = self.config[name].split(":")
        steps = int(length[:-5]) if length.endswith("steps") else int(length[:-6]) * self.steps_per_epoch
        t = step / steps
        match shape:
            case "linear":
                return min(t, 1)
            case "cosine":
                return (1 - math.cos(math.pi * min(t, 1))) / 2
            case "cyclical":
                return min(2 * (t - math.floor(t)), 1)

    def weights_at(self, batch, step):
        """(a, b) for a batch of so many images."""
        of = self.config
        reduced = lambda how, elements: {"sum": 1, "mean": 1 / elements, "batch-sum": batch}[how]
        a = reduced(of["reduction"], self.pixels) * self.factor(of["recon-weight"])
        b = reduced(of["kl-reduction"], self.latents) * self.factor(of["kl-weight"])
        if "geco-tolerance" in of:
            return a * self.multiplier, b
        if "target-kl" in of:
            return a, b * self.found()
        return a, b * (of["gamma"] if "capacity" in of else of["beta"] * self.rise("warmup", step))

    def terms(self, weighted, estimate, batch, step):
        a, b = self.weights_at(batch, step)
        if "capacity" in self.config:
            estimate = (estimate - self.config["capacity"] * self.rise("capacity-rise", step)).abs()
        if "geco-tolerance" in self.config:
            return a * weighted - self.multiplier * self.config["geco-tolerance"], b * estimate
        return a * weighted, b * estimate

    def found(self):
        """The multiplier in force: lambda, or beta within its bounds."""
        if "target-kl" in self.config:
            return min(max(self.multiplier, self.config["beta-min"]), self.config["beta-max"])
        return self.multiplier

    def observe_kl(self, estimate, batch):
        """ControlVAE, before the step: the beta of this batch."""
        of = self.config
        b = {"sum": 1, "mean": 1 / self.latents, "batch-sum": batch}[of["kl-reduction"]] * self.factor(of["kl-weight"])
        e = of["target-kl"] - b * estimate.item()
        if not (self.multiplier > of["beta-max"] and e < 0 or self.multiplier < of["beta-min"] and e > 0):
            self.memory -= of["pi-ki"] * e
        self.multiplier = of["pi-kp"] * torch.sigmoid(torch.tensor(-e)).item() + self.memory + of["beta-min"]

    def observe_recon(self, recon_term):
        """GECO, after the step: the lambda of the next batch."""
        of, constraint = self.config, recon_term.item() / self.multiplier
        alpha = of["geco-decay"]
        self.memory = constraint if self.memory is None else alpha * self.memory + (1 - alpha) * constraint
        self.multiplier = min(max(self.multiplier * math.exp(of["geco-rate"] * self.memory), 1e-10), 1e10)

    def train(self, epoch):
        x_all, noise_all = self.images("train", epoch), self.streams[f"noise.train.epoch.{epoch}"].to(torch.float64)
        order = self.streams[f"order.epoch.{epoch}"].long()
        sums, energies = [0.0] * 4, 0.0
        for first in range(0, self.n, self.config["batch-size"]):
            chosen = order[first:first + self.config["batch-size"]]
            x, noise = x_all[chosen], noise_all[first:first + len(chosen)]
            mean, logvar, z, output = self.forward(x, noise)
            r, weighted, s = self.reconstruction(output, x)
            kl, estimate = self.divergence(mean, logvar, z)
            if "target-kl" in self.config:
                self.observe_kl(estimate, len(chosen))
            recon_term, kl_term = self.terms(weighted, estimate, len(chosen), self.step)
            self.optimizer.zero_grad()
            (recon_term + kl_term).backward()
            self.optimizer.step()
            if "geco-tolerance" in self.config:
                self.observe_recon(recon_term)
            self.step += 1
            for i, value in enumerate([recon_term, kl_term, r, kl]):
                sums[i] += value.item() * len(chosen)
            energies += 0.0 if s is None else s.item() * len(chosen)
        return self.row(*[value / self.n for value in sums], energies / self.n)

    @torch.no_grad()
    def test(self, epoch):
        x, noise = self.images("test", epoch), self.streams[f"noise.test.epoch.{epoch}"].to(torch.float64)
        mean, logvar, z, output = self.forward(x, noise)
        r, weighted, s = self.reconstruction(output, x)
        kl, estimate = self.divergence(mean, logvar, z)
        recon_term, kl_term = self.terms(weighted, estimate, self.batch, max(self.step - 1, 0))
        row = self.row(recon_term.item(), kl_term.item(), r.item(), kl.item(), None if s is None else s.item())
        row["active_units"] = (mean.var(0, correction=0) > 0.01).sum().item()
        return row

    def row(self, recon_term, kl_term, recon, kl, s):
        of, loss = self.config, self.config["loss"]
        row = {"objective": recon_term + kl_term, "recon_term": recon_term, "kl_term": kl_term, "recon": recon, "kl": kl}
        a, b = self.weights_at(self.batch, max(self.step - 1, 0))
        if loss not in ["mse", "log-mse"]:
            # Where z is not drawn from q, R + K is no bound.
            row["neg_elbo"] = recon + kl if of["sampling"] == "standard" else None
        if loss in GREY_LEVELS:
            row["bits_per_dim"] = row["neg_elbo"] / (self.pixels * math.log(2))
        if "geco-tolerance" in of or "target-kl" in of:
            row["multiplier"] = self.found()
        if "capacity" in of:
            return row
        if loss not in ["mse", "log-mse"]:
            row["beta_effective"] = b / a
        match loss:
            case "mse":
                row["beta_sigma2"] = b / (2 * a)
            case "gaussian":
                row["beta_sigma2"] = b / a * of["sigma2"]
            case "gaussian-learned":
                row["beta_sigma2"] = b / a * self.sigma().item() ** 2
            case "gaussian-optimal":
                row["beta_sigma2"] = b / a * s / self.pixels
            case "log-mse":
                factor = self.pixels / 2 if of["log-mse-scale"] == "half-pixels" else 1
                row["beta_sigma2"] = b / (2 * a * factor / s)
        return row


def run_and_export(binary, flags, data_dir, work):
    """The directory of a run, and its tensors; `data_dir` is the flag that names the data's directory, or nothing."""
    common = {"check": True, "stdout": subprocess.PIPE}
    command = [binary, *flags, *data_dir, "--json", "--out", work]
    run = json.loads(subprocess.run(command, **common).stdout.splitlines()[-1])["dir"]
    file = os.path.join(work, "streams.safetensors")
    subprocess.run([binary, "export", run, "--streams", file, *data_dir], **common)
    return run, load(file)


def write_images(args, folder):
    """A few hundred images of the data set as IDX files, so that no run reads all of it again."""
    with tempfile.TemporaryDirectory() as work:
        _, streams = run_and_export(args.binary, ["--data", args.data, *SIZES, "--epochs", "0"], [], work)
    for part, prefix in [("train", "train"), ("test", "t10k")]:
        images = streams[f"images.{part}"]
        with open(os.path.join(folder, f"{prefix}-images-idx3-ubyte"), "wb") as file:
            file.write(struct.pack(">IIII", 0x803, *images.shape) + bytes(images.flatten().tolist()))
        with open(os.path.join(folder, f"{prefix}-labels-idx1-ubyte"), "wb") as file:
            file.write(struct.pack(">II", 0x801, len(images)) + bytes(len(images)))


class Study(typing.NamedTuple):
    """What is replayed, and how."""

    configurations: typing.Callable
    # Flags that a configuration may override, and flags of every run.
    small: list
    always: list
    replay: type
    columns: list
    tolerance: dict
    out: str


def compare(study, flags, args, images, work):
    """{(split, column): worst relative difference} of one run."""
    small = [word for i in range(0, len(study.small), 2) if study.small[i] not in flags for word in study.small[i:i + 2]]
    flags = [*flags, *small, *study.always, "--data", "idx"]
    run, streams = run_and_export(args.binary, flags, ["--data-dir", images], work)
    with open(os.path.join(run, "config.toml"), "rb") as config:
        replay = study.replay(tomllib.load(config), streams)
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
        for column in study.columns:
            cell = row.get(column, "")  # bits_per_dim is there for some losses.
            if (cell == "") != (mine.get(column) is None):
                # Written or not: a difference of kind. An old binary writes R + K under keras-2016-05.
                difference = math.nan
            elif cell == "":
                continue
            else:
                difference = abs(float(cell) - mine[column]) / max(abs(mine[column]), 1e-9)
            key = row["split"], column
            worst[key] = difference if math.isnan(difference) else max(difference, worst.get(key, 0.0))
    return worst


def main(study, description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/vae-bench")
    parser.add_argument("--data", default="synthetic", choices=["synthetic", "mnist"])
    parser.add_argument("--out", default=study.out)
    parser.add_argument("--only", default="", help="only configurations whose flags contain this text")
    args = parser.parse_args()
    table, failed, count = [], [], 0
    images = tempfile.TemporaryDirectory()
    write_images(args, images.name)
    for flags in study.configurations():
        name = " ".join(flags).replace("--", "")
        if args.only not in name:
            continue
        count += 1
        with tempfile.TemporaryDirectory() as work:
            worst = compare(study, flags, args, images.name, work)
        for (split, column), difference in worst.items():
            table.append([name, split, column, f"{difference:.2e}"])
            if not difference <= study.tolerance[split]:
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
    print(f"{len(failed)} differences above {study.tolerance}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(Study(configurations, SMALL, [], Replay, COLUMNS, TOLERANCE, "results/parity"), __doc__)
