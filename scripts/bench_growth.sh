#!/usr/bin/env bash
# How the time of an epoch grows with hidden width, batch, latents and threads, beside what the machine could do.
#
#   VAE_BENCH_DATA_DIR=DIR scripts/bench_growth.sh [OUT]        (default: results/performance)
#
# Needs MNIST, cargo and python3 on Linux. Six minutes on two cores. Everything else stays at the default model:
# 784-400-20-400-784, batch 128, all processors. Large models see fewer images (whole batches, at least sixteen), and
# seconds are scaled to 60,000. VAE_BENCH_GROWTH_EPOCHS (default 4) epochs each; the first is warm-up, the median counts.
#
# Leaves growth.csv and growth-machine.txt in OUT and prints the table. Columns beside the settings:
#
#   seconds        an epoch of 60,000 images
#   gflop          its dense products, forward and backward (the input needs no gradient), zeros of the input included
#   gflop_per_s    what was achieved
#   arithmetic_s   what those products take at this machine's own sgemm rate (the gemm crate's, measured just before)
#   optimizer_s    what Adam's 28 bytes a parameter and step take at its own memory rate: the part that grows as batches
#                  get smaller
#   over_limit     seconds / (arithmetic_s + optimizer_s); level where cost grows as it must. The input is four fifths
#                  zero, so products that skip zeros may come below 1.
set -euo pipefail
cd "$(dirname "$0")/.."

out="${1:-results/performance}"
epochs="${VAE_BENCH_GROWTH_EPOCHS:-4}"
data="${VAE_BENCH_DATA_DIR:?set it to the directory of the four MNIST files}"
all="$(nproc)"
gflop_an_epoch=200 # as many as the default model needs for all of MNIST

cargo build --release --quiet
mkdir -p "$out"
scripts/machine.sh >"$out/growth-machine.txt"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

thread_counts="1"
for n in 2 "$all"; do
  [ "$n" -le "$all" ] && [[ " $thread_counts " != *" $n "* ]] && thread_counts+=" $n"
done

# run AXIS HIDDEN BATCH LATENTS THREADS
run() {
  local axis="$1" hidden="$2" batch="$3" latents="$4" threads="$5"
  # Two FLOPs a weight and image, three products a layer, but for the first layer's input gradient.
  local flop=$((6 * (2 * 784 * hidden + 3 * hidden * latents) - 2 * 784 * hidden))
  local images=$((gflop_an_epoch * 1000000000 / flop / batch * batch))
  [ "$images" -ge $((16 * batch)) ] || images=$((16 * batch))
  [ "$images" -le 60000 ] || images=60000
  local name="$axis-$hidden-$batch-$latents-$threads-$images-$flop"
  # The limits of the same minute, on as many threads.
  RAYON_NUM_THREADS="$threads" cargo bench --quiet --bench kernels -- limit >"$scratch/limits-$name" 2>"$scratch/errors" ||
    { cat "$scratch/errors" >&2 && return 1; }
  rm -rf "$scratch/run"
  target/release/vae-bench --data mnist --data-dir "$data" --loss bce --reduction sum --hidden "$hidden" \
    --batch-size "$batch" --latent-dim "$latents" --threads "$threads" --train-size "$images" --test-size 128 \
    --epochs "$epochs" --out "$scratch/run" --quiet >/dev/null
  echo "done: hidden $hidden, batch $batch, latents $latents, threads $threads" >&2
  cp "$scratch"/run/*/timing.csv "$scratch/timing-$name.csv"
}

for hidden in 100 200 400 800 1600 3200; do run hidden "$hidden" 128 20 "$all"; done
for batch in 16 64 128 512 1024 4096; do run batch 400 "$batch" 20 "$all"; done
for latents in 2 20 64 200; do run latents 400 128 "$latents" "$all"; done
for threads in $thread_counts; do run threads 400 128 20 "$threads"; done

python3 - "$scratch" "$out/growth.csv" <<'PYTHON'
import csv, math, pathlib, re, statistics, sys

scratch, table = pathlib.Path(sys.argv[1]), sys.argv[2]


def limit(name, limits):
    """1e9 FLOPs or bytes in a second, from the bench's own table."""
    return float(re.search(rf"\| limit: {name} \| [\d.]+ \| ([\d.]+) G", limits)[1])


columns = "axis hidden batch latents threads images seconds gflop gflop_per_s arithmetic_s optimizer_s over_limit".split()
rows = []
for path in scratch.glob("timing-*.csv"):
    limits = (scratch / path.stem.replace("timing", "limits")).read_text()
    _, axis, *numbers = path.stem.split("-")
    hidden, batch, latents, threads, images, flop = map(int, numbers)
    with open(path, newline="") as file:
        epochs = [float(row["train_s"]) for row in csv.DictReader(file)]
    seconds = statistics.median(epochs[1:] or epochs) * 60000 / images
    gflop = flop * 60000 / 1e9
    parameters = 785 * hidden + 2 * (hidden + 1) * latents + (latents + 1) * hidden + (hidden + 1) * 784
    # Parameters, gradients and two moments stay in a cache of common size, or do not.
    memory = limit("triad, 10 MB" if 16 * parameters < 20e6 else "triad, 192 MB", limits)
    arithmetic_s = gflop / limit("sgemm 1024 x 1024 x 1024", limits)
    optimizer_s = 28 * parameters * math.ceil(60000 / batch) / 1e9 / memory
    settings = [axis, hidden, batch, latents, threads, images]
    rows.append(settings + [seconds, gflop, gflop / seconds, arithmetic_s, optimizer_s, seconds / (arithmetic_s + optimizer_s)])
rows.sort(key=lambda row: (["hidden", "batch", "latents", "threads"].index(row[0]), row[1:5]))
shown = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
with open(table, "w", newline="") as file:
    csv.writer(file, lineterminator="\n").writerows([columns] + shown)
print("| " + " | ".join(columns) + " |")
print("|---" + "|--:" * (len(columns) - 1) + "|")
for row in shown:
    print("| " + " | ".join(row) + " |")
PYTHON
