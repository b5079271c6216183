# Sourced by the studies of experiments/claims and experiments/vq, with their number of epochs:
#
#   source "$(dirname "$0")/../common.sh" EPOCHS
#
# `run` trains (or skips what is done), `settle` writes the last epoch's rows as a CSV, `settle_means` their means over seeds.
#
# OUT is where the CSVs go, RUNS where the run directories lie, BENCH the program, THREADS its threads. SEEDS, EPOCHS, DATA and
# SIZES (flags such as "--train-size 500") make a study smaller, for a trial.
set -euo pipefail
study="$(basename "$0" .sh)"
group="$(basename "$(cd "$(dirname "$0")" && pwd)")"
cd "$(dirname "${BASH_SOURCE[0]}")/.."

epochs="${EPOCHS:-$1}"
out="${OUT:-results/$group}"
runs="${RUNS:-results/runs/$group}/$study"
seeds="${SEEDS:-1 2 3}"
mkdir -p "$out"
bench="${BENCH:-target/release/vae-bench}"
[ -n "${BENCH:-}" ] || cargo build --release --locked --quiet

# run FLAGS...: one run per seed of the default network, unless FLAGS say otherwise.
run() {
  local defaults=()
  [[ " $* " == *" --epochs "* ]] || defaults+=(--epochs "$epochs")
  [[ " $* " == *" --data "* ]] || defaults+=(--data "${DATA:-mnist}")
  for seed in $seeds; do
    # shellcheck disable=SC2086
    "$bench" "${defaults[@]}" ${SIZES:-} ${THREADS:+--threads $THREADS} --seed "$seed" --out "$runs" --quiet "$@" >/dev/null
  done
  echo "done: $*"
}

# vq FLAGS...: a VQ-VAE on binarised pixels, where R + N ln K is a bound.
vq() {
  run --model vq-vae --loss bce --binarize dynamic "$@"
}

settle() {
  "$bench" merge "$runs" --final --out "$out/$study.csv"
}

settle_means() {
  "$bench" merge "$runs" --final --mean --out "$out/$study-mean.csv"
}
