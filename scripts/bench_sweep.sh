#!/usr/bin/env bash
# Runs per hour of a sweep over seeds, beside the same seeds in JAX: a process for each (as many at a time as there are
# processors, each on one of them), and one process that trains all of them side by side (vmap). Then what a second job brings:
# the same sweep with one job and with two, one thread each, in turn.
#
#   VAE_BENCH_DATA_DIR=DIR scripts/bench_sweep.sh [ROUNDS] [OUT]        (default: 1 results/performance)
#
# Needs MNIST, cargo and the peers' environment of scripts/bench_peers.sh, on Linux. Runs are short, so that start-up and
# compilation count as they do in a first look at a grid. Six minutes on two cores. Settings:
#
#   VAE_BENCH_PEERS_VENV=DIR      the peers         (default: ~/.cache/vae-bench/peers-venv)
#   VAE_BENCH_SWEEP_RUNS=N        runs of a sweep   (default: 24)
#   VAE_BENCH_SWEEP_EPOCHS=N      epochs of a run   (default: 2)
#   VAE_BENCH_SWEEP_PAIRS=N       times that one job is held against two, with two runs of one epoch (default: 10)
#
# Leaves OUT/sweep.csv and OUT/sweep-machine.txt. vae-bench also measures the test set after every epoch and writes the
# files of every run; JAX does neither.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds="${1:-1}"
out="${2:-results/performance}"
runs="${VAE_BENCH_SWEEP_RUNS:-24}"
epochs="${VAE_BENCH_SWEEP_EPOCHS:-2}"
pairs="${VAE_BENCH_SWEEP_PAIRS:-10}"
python="${VAE_BENCH_PEERS_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/vae-bench/peers-venv}/bin/python"
program="${VAE_BENCH:-target/release/vae-bench}"
data="${VAE_BENCH_DATA_DIR:?set it to the directory of the four MNIST files}"
processors="$(nproc)"

[ -n "${VAE_BENCH:-}" ] || cargo build --release --quiet
mkdir -p "$out"
scripts/machine.sh "$python" >"$out/sweep-machine.txt"
table="$out/sweep.csv"
echo "round,program,jobs,threads,runs,epochs,seconds,runs_per_hour" >"$table"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# sweep RUNS EPOCHS FLAGS...
sweep() {
  rm -rf "$scratch/runs"
  "$program" sweep --seeds "1..$1" --data mnist --data-dir "$data" --epochs "$2" --out "$scratch/runs" --quiet "${@:3}" >/dev/null
}

# Every processor takes one seed after the other. jax_processes RUNS EPOCHS
jax_processes() {
  local cpu seed
  for ((cpu = 0; cpu < processors; cpu++)); do
    for ((seed = cpu + 1; seed <= $1; seed += processors)); do
      taskset -c "$cpu" "$python" scripts/peers/jax_vae.py --data "$data" --epochs "$2" --threads 1 --seed "$seed" >/dev/null || exit 1
    done &
  done
  local job
  for job in $(jobs -p); do wait "$job"; done
}

jax_vmap() {
  "$python" scripts/peers/jax_vae.py --data "$data" --epochs "$2" --seeds "$1" >/dev/null
}

# measure ROUND PROGRAM JOBS THREADS RUNS EPOCHS COMMAND...
measure() {
  local begin="$EPOCHREALTIME"
  "${@:7}"
  awk -v a="$begin" -v b="$EPOCHREALTIME" -v key="$1,$2,$3,$4,$5,$6" -v runs="$5" \
    'BEGIN { printf "%s,%.3f,%.0f\n", key, b - a, 3600 * runs / (b - a) }' | tee -a "$table"
}

for ((round = 1; round <= rounds; round++)); do
  measure "$round" vae-bench "$processors" 1 "$runs" "$epochs" sweep "$runs" "$epochs"
  measure "$round" jax-processes "$processors" 1 "$runs" "$epochs" jax_processes "$runs" "$epochs"
  measure "$round" jax-vmap 1 "$processors" "$runs" "$epochs" jax_vmap "$runs" "$epochs"
done
for ((round = 1; round <= pairs; round++)); do
  measure "$round" one-job 1 1 2 1 sweep 2 1 --jobs 1 --threads 1
  measure "$round" two-jobs 2 1 2 1 sweep 2 1 --jobs 2 --threads 1
done
python3 - "$table" <<'PYTHON'
import csv
import statistics
import sys

rows = list(csv.DictReader(open(sys.argv[1], newline="")))
seconds = {}
for row in rows:
    seconds.setdefault(row["program"], []).append(float(row["seconds"]))
for program in dict.fromkeys(row["program"] for row in rows):
    rate = statistics.median(float(row["runs_per_hour"]) for row in rows if row["program"] == program)
    print(f"{program}: {rate:.0f} runs per hour")
if "one-job" in seconds:
    ratios = [two / one for one, two in zip(seconds["one-job"], seconds["two-jobs"])]
    print(f"two jobs / one job: median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")
PYTHON
