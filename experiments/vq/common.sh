# Sourced by the VQ studies: `run` trains (or skips what is done), `settle` writes the CSV of the last epoch's rows.
#
# OUT is where the CSVs go, RUNS where the run directories lie, BENCH the program. SEEDS, EPOCHS, DATA and SIZES (flags such as
# "--train-size 500") make a study smaller, for a trial.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

study="$(basename "$0" .sh)"
out="${OUT:-results/vq}"
runs="${RUNS:-results/runs/vq}/$study"
seeds="${SEEDS:-1 2 3}"
mkdir -p "$out"
if [ -z "${BENCH:-}" ]; then
  cargo build --release --locked --quiet
  BENCH=target/release/vae-bench
fi

# run FLAGS...: one run per seed, one epoch unless FLAGS say otherwise.
run() {
  local epochs=(--epochs "${EPOCHS:-1}") sizes=()
  [[ " $* " == *" --epochs "* ]] && epochs=()
  # shellcheck disable=SC2206
  [[ " $* " == *" --test-size "* ]] || sizes=(${SIZES:-})
  for seed in $seeds; do
    "$BENCH" --data "${DATA:-mnist}" "${epochs[@]}" "${sizes[@]}" --seed "$seed" --out "$runs" --threads "${THREADS:-1}" \
      --quiet "$@" >/dev/null
  done
  echo "done: $*"
}

# vq FLAGS...: a VQ-VAE on binarised pixels, where R + N ln K is a bound.
vq() {
  run --model vq-vae --loss bce --binarize dynamic "$@"
}

# settle: the last rows of this study's runs as one CSV, and their means over seeds as another.
settle() {
  "$BENCH" merge "$runs" --final --out "$out/$study.csv"
  "$BENCH" merge "$runs" --final --mean --out "$out/$study-mean.csv"
}
