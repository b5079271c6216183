# Sourced by the claims: `run` trains (or skips what is done), `settle` writes the CSV of final test rows.
#
# OUT is where the CSVs go, RUNS where the run directories lie. SEEDS, EPOCHS, DATA and SIZES (flags such as
# "--train-size 500") make a claim smaller, for a trial.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

claim="$(basename "$0" .sh)"
out="${OUT:-results/claims}"
runs="${RUNS:-$out/runs}/$claim"
seeds="${SEEDS:-1 2 3}"
mkdir -p "$out"
cargo build --release --locked --quiet
bench=target/release/vae-bench

# run FLAGS...: one run per seed, three epochs of the default network unless FLAGS say otherwise.
run() {
  local epochs=(--epochs "${EPOCHS:-3}") data=(--data "${DATA:-mnist}")
  [[ " $* " == *" --epochs "* ]] && epochs=()
  [[ " $* " == *" --data "* ]] && data=()
  for seed in $seeds; do
    # shellcheck disable=SC2086
    "$bench" "${data[@]}" "${epochs[@]}" ${SIZES:-} --seed "$seed" --out "$runs" --quiet "$@" >/dev/null
  done
  echo "done: $*"
}

# settle: the final rows of this claim's runs as one CSV.
settle() {
  "$bench" merge "$runs" --final --out "$out/$claim.csv"
}
