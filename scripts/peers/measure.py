"""Runs one program of scripts/bench_peers.sh and appends what it took to two tables; or prints the final table.

    measure.py run --round 1 --program jax --threads 2 --epochs-csv FILE --runs-csv FILE [--run-dir DIR] -- COMMAND...
    measure.py table --epochs-csv FILE --runs-csv FILE

A command prints `epoch,seconds,loss` lines, or leaves the tables of vae-bench under DIR. It is pinned to as many
processors as it has threads, whatever it is. Needs nothing but Python on Linux.
"""

import argparse
import csv
import os
import pathlib
import statistics
import subprocess
import sys
import time

EPOCHS = ["round", "program", "threads", "epoch", "seconds", "train_loss"]
RUNS = ["round", "program", "threads", "epochs", "process_s", "peak_mb"]
OURS = "vae-bench"


def run(args):
    processors = sorted(os.sched_getaffinity(0))[: args.threads]
    start = time.perf_counter()
    child = subprocess.Popen(
        args.command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, processors)
    )
    printed = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)  # and no poll(): this is the one call that gives the child's own peak
    process_s = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{args.program} failed with status {status}: {' '.join(args.command)}")
    epochs = vae_bench_epochs(args.run_dir) if args.run_dir else [line.split(",") for line in printed.split()]
    key = [args.round, args.program, args.threads]
    append(args.epochs_csv, EPOCHS, [key + epoch for epoch in epochs])
    # ru_maxrss is in kB on Linux.
    append(args.runs_csv, RUNS, [key + [len(epochs), f"{process_s:.3f}", f"{usage.ru_maxrss / 1000:.0f}"]])
    later = [float(seconds) for epoch, seconds, _ in epochs if int(epoch) > 1]
    median = f"{statistics.median(later):.3f}" if later else "-"
    print(f"round {args.round}: {args.program}, {args.threads} threads: epoch {median} s, process {process_s:.1f} s")


def vae_bench_epochs(folder):
    """[epoch, seconds, loss] from the one run under `folder`."""
    (timing,) = pathlib.Path(folder).glob("*/timing.csv")
    loss = {
        row["epoch"]: float(row["recon"]) + float(row["kl"])
        for row in read(timing.with_name("metrics.csv"))
        if row["split"] == "train"
    }
    return [[row["epoch"], f"{float(row['train_s']):.6f}", f"{loss[row['epoch']]:.4f}"] for row in read(timing)]


def table(args):
    """Medians over all rounds. Epochs after the first of a run: the first warms up and, in JAX, compiles."""
    seconds, process, peak = {}, {}, {}
    for row in read(args.epochs_csv):
        if int(row["epoch"]) > 1:
            seconds.setdefault((int(row["threads"]), row["program"]), []).append(float(row["seconds"]))
    for row in read(args.runs_csv):
        key = int(row["threads"]), row["program"]
        process.setdefault(key, []).append(float(row["process_s"]))
        peak.setdefault(key, []).append(float(row["peak_mb"]))
        epochs = row["epochs"]

    def ratio(values, key):
        """What vae-bench takes of what the peer takes; below 1 it is faster."""
        ours = key[0], OURS
        if key == ours or not (values.get(ours) and values.get(key)):
            return ""
        return f"{statistics.median(values[ours]) / statistics.median(values[key]):.2f}"

    print(f"| threads | program | epoch s | (fastest) | vae-bench / it | {epochs} epochs, whole process s | vae-bench / it | peak MB |")
    print("|--:|---|--:|--:|--:|--:|--:|--:|")
    for key in sorted(process, key=lambda key: (-key[0], key[1] != OURS, key[1])):
        median = f"{statistics.median(seconds[key]):.2f} | {min(seconds[key]):.2f}" if key in seconds else " | "
        print(
            f"| {key[0]} | {key[1]} | {median} | {ratio(seconds, key)} "
            f"| {statistics.median(process[key]):.1f} | {ratio(process, key)} | {max(peak[key]):.0f} |"
        )


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def append(path, header, rows):
    new = not os.path.exists(path)
    with open(path, "a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(([header] if new else []) + rows)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
commands = parser.add_subparsers(required=True)
for name, action in ("run", run), ("table", table):
    command = commands.add_parser(name)
    command.set_defaults(action=action)
    command.add_argument("--epochs-csv", required=True)
    command.add_argument("--runs-csv", required=True)
    if name == "run":
        command.add_argument("--round", type=int, required=True)
        command.add_argument("--program", required=True)
        command.add_argument("--threads", type=int, required=True)
        command.add_argument("--run-dir")
        command.add_argument("command", nargs="+")
args = parser.parse_args()
args.action(args)
