#!/usr/bin/env python3
"""What waiting for the disk costs a run: the default run as it is, and with every fsync and fdatasync made to return at once.

    VAE_BENCH_DATA_DIR=DIR scripts/bench_sync.py [ROUNDS] [OUT]        (default: 10 results/performance)

Needs MNIST, a release build and a C compiler on Linux. Runs of six epochs on all processors, in turn, the order of the two
changing from round to round; `seconds` is the whole process. Leaves OUT/sync.csv and prints the median of the rounds' ratios.
"""

import csv
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

EPOCHS = 6
SHIM = "int fsync(int f) { (void)f; return 0; }\nint fdatasync(int f) { (void)f; return 0; }\n"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    root = pathlib.Path(__file__).resolve().parent.parent
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else root / "results/performance"
    bench = root / "target/release/vae-bench"
    rows, ratios = [], []
    with tempfile.TemporaryDirectory(dir=root / "target") as scratch:
        shim = pathlib.Path(scratch) / "nosync.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", shim], input=SHIM.encode(), check=True)
        for number in range(1, rounds + 1):
            seconds = {}
            for waits in ("yes", "no") if number % 2 else ("no", "yes"):
                command = [bench, "--data", "mnist", "--epochs", str(EPOCHS), "--quiet", "--force", "--out", f"{scratch}/{waits}"]
                preload = {} if waits == "yes" else {"LD_PRELOAD": str(shim)}
                start = time.monotonic()
                subprocess.run(command, env=os.environ | preload, check=True, stdout=subprocess.DEVNULL)
                seconds[waits] = time.monotonic() - start
                rows.append([number, waits, EPOCHS, round(seconds[waits], 3)])
            ratios.append(seconds["yes"] / seconds["no"])
    with open(out / "sync.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["round", "waits", "epochs", "seconds"], *rows])
    print(f"with / without waiting: {statistics.median(ratios):.4f} (median of {rounds}; {min(ratios):.4f} to {max(ratios):.4f})")


if __name__ == "__main__":
    main()
