# Sourced by the claims: `run` trains (or skips what is done), `settle` writes the CSV of final test rows.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

claim="$(basename "$0" .sh)"
out="results/claims"
seeds="${SEEDS:-1 2 3}"
cargo build --release --quiet
bench=target/release/vae-bench

# run FLAGS...: one run per seed, three epochs of the default network unless FLAGS say otherwise.
run() {
  local epochs=(--epochs 3) data=(--data mnist)
  [[ " $* " == *" --epochs "* ]] && epochs=()
  [[ " $* " == *" --data "* ]] && data=()
  for seed in $seeds; do
    "$bench" "${data[@]}" "${epochs[@]}" --seed "$seed" --out "$out/runs/$claim" --quiet "$@" >/dev/null
  done
  echo "done: $*"
}

# settle: the final rows of this claim's runs as one CSV.
settle() {
  "$bench" merge "$out/runs/$claim" --final --out "$out/$claim.csv"
}
