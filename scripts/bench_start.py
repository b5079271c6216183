#!/usr/bin/env python3
"""How long the default run takes from its launch to its first training step, and the peak of its memory.

    VAE_BENCH_DATA_DIR=DIR scripts/bench_start.py [ROUNDS] [OUT]        (default: 10 results/performance)

Needs MNIST and a release build on Linux. Each round is a fresh run of one epoch on all processors, files read from a warm
cache. Two moments are seen from outside, by looking for files every half millisecond: `data_s`, when the run's directory is
there (all four files are unpacked and their SHA-256 is right), and `first_step_s`, when the checkpoint of the untrained
model is there (statistics of the pixels, initial weights and the test row of epoch 0 are done; the first training step
follows). `peak_mb` is the kernel's ru_maxrss in 10^6 bytes. Leaves OUT/start.csv and prints medians.
"""

import csv
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
out = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "results/performance")
program = os.environ.get("VAE_BENCH", "target/release/vae-bench")
data = os.environ.get("VAE_BENCH_DATA_DIR") or sys.exit("set VAE_BENCH_DATA_DIR to the directory of the four MNIST files")
scratch = pathlib.Path(tempfile.mkdtemp())
rows = []
try:
    for number in range(1, rounds + 1):
        run = scratch / str(number)
        run.mkdir()
        command = [program, "--data", "mnist", "--data-dir", data, "--epochs", "1", "--out", str(run), "--quiet"]
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        data_s = first_step_s = folder = None
        while first_step_s is None and os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.0005)
            if folder is None:
                folder = next(run.iterdir(), None)
                data_s = folder and time.perf_counter() - start
            elif (folder / "checkpoint" / "state.safetensors").exists():
                first_step_s = time.perf_counter() - start
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0 or first_step_s is None:
            sys.exit(f"the run failed with status {status}: {' '.join(command)}")
        # ru_maxrss is in kB on Linux: kibibytes.
        rows.append([number, f"{data_s:.3f}", f"{first_step_s:.3f}", f"{usage.ru_maxrss * 1.024e-3:.1f}"])
finally:
    shutil.rmtree(scratch)
header = ["round", "data_s", "first_step_s", "peak_mb"]
out.mkdir(parents=True, exist_ok=True)
with open(out / "start.csv", "w", newline="") as file:
    csv.writer(file, lineterminator="\n").writerows([header] + rows)
for name, values in zip(header[1:], list(zip(*rows))[1:]):
    values = [float(value) for value in values]
    print(f"{name}: median {statistics.median(values):.3f}, from {min(values):.3f} to {max(values):.3f}")
