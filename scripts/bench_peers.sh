#!/usr/bin/env bash
# vae-bench beside JAX (a whole epoch compiled by XLA), PyTorch (fused Adam) and plain Candle (candle_nn's layers and
# AdamW): the same model, data and optimiser, all in f32, in turn (A B C D A B C D ...), so that a slow minute of the
# machine hits everybody.
#
#   VAE_BENCH_DATA_DIR=DIR scripts/bench_peers.sh [ROUNDS] [OUT]        (default: 5 results/performance)
#
# Needs MNIST, cargo and python3 with venv on Linux. Makes a virtual environment with the peers outside the repository
# at the first call; with CUDA libraries nobody needs here, PyTorch takes 5 GB (pip's own settings can choose another
# source). Builds plain Candle's program outside the repository, with all packages optimised: four minutes, once. Then
# nine minutes a round on two cores, more than half of them plain Candle's. Settings:
#
#   VAE_BENCH_PEERS_VENV=DIR      where it is       (default: ~/.cache/vae-bench/peers-venv)
#   VAE_BENCH_PEERS_CANDLE=DIR    its build         (default: ~/.cache/vae-bench/peers-candle)
#   VAE_BENCH_PEERS_EPOCHS=N      epochs of a run   (default: 10)
#   VAE_BENCH_PEERS_THREADS=N     threads           (default: all processors)
#   VAE_BENCH_PEERS_ISA=avx2      the instruction set of vae-bench and of JAX alike: avx2 or avx512 (default: the best)
#   VAE_BENCH_PEERS_PROGRAMS=...  which programs    (default: "vae-bench jax torch candle")
#
# Leaves in OUT, from scratch each time:
#
#   peers.csv          every epoch: seconds of its training steps, and the training loss (which must agree)
#   peers-runs.csv     every process: seconds from start to exit, and the peak of its memory
#   peers-machine.txt  the machine and the versions
#
# and prints a table. `epoch s` is the median over all rounds of the epochs after a run's first one; the fastest stands
# beside it, and far below it where somebody else was using the machine. `vae-bench / it` compares medians: below 1 vae-bench is
# faster. The whole process includes start-up and compilation, and for vae-bench alone also the test evaluation of
# every epoch and the files of the run. On one thread everybody is pinned to one processor.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds="${1:-5}"
out="${2:-results/performance}"
epochs="${VAE_BENCH_PEERS_EPOCHS:-10}"
threads="${VAE_BENCH_PEERS_THREADS:-$(nproc)}"
venv="${VAE_BENCH_PEERS_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/vae-bench/peers-venv}"
candle="${VAE_BENCH_PEERS_CANDLE:-${XDG_CACHE_HOME:-$HOME/.cache}/vae-bench/peers-candle}"
programs="${VAE_BENCH_PEERS_PROGRAMS:-vae-bench jax torch candle}"
export VAE_BENCH_ISA="${VAE_BENCH_PEERS_ISA:-}"
case "$VAE_BENCH_ISA" in
  "") ;;
  # XLA compiles all but the products, which oneDNN makes, with its own limit.
  avx2) export XLA_FLAGS="--xla_cpu_max_isa=AVX2" ONEDNN_MAX_CPU_ISA=AVX2 DNNL_MAX_CPU_ISA=AVX2 ;;
  avx512) export XLA_FLAGS="--xla_cpu_max_isa=AVX512" ;;
  *) echo "VAE_BENCH_PEERS_ISA is avx2 or avx512, not $VAE_BENCH_ISA" >&2; exit 2 ;;
esac
data="${VAE_BENCH_DATA_DIR:?set it to the directory of the four MNIST files}"

cargo build --release --quiet
# A package of its own, so that nothing of ours reaches it.
[[ " $programs " != *" candle "* ]] || CARGO_TARGET_DIR="$candle" cargo build --release --quiet --locked --manifest-path scripts/peers/candle/Cargo.toml

# Asked of pip only if something is missing, so that a finished environment works without a network.
if ! "$venv/bin/python" -c 'import jax, optax, numpy, torch' 2>/dev/null; then
  echo "installing the peers in $venv" >&2
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet jax optax numpy torch
fi
python="$venv/bin/python"

mkdir -p "$out"
rm -f "$out/peers.csv" "$out/peers-runs.csv"
tables=(--epochs-csv "$out/peers.csv" --runs-csv "$out/peers-runs.csv")
{
  scripts/machine.sh "$python"
  cargo tree --quiet --manifest-path scripts/peers/candle/Cargo.toml --depth 1 --prefix none --format '{p}' |
    sed -n 's/^\(candle-[cn][a-z]*\) v/\1: /p'
} >"$out/peers-machine.txt"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# measure ROUND PROGRAM THREADS
measure() {
  local as=(--round "$1" --program "$2" --threads "$3")
  case "$2" in
    vae-bench)
      rm -rf "$scratch/run"
      # The defaults by name, so that no VAE_BENCH_* variable or later default changes what is compared.
      python3 scripts/peers/measure.py run "${as[@]}" "${tables[@]}" --run-dir "$scratch/run" -- \
        target/release/vae-bench --data mnist --data-dir "$data" --loss bce --reduction sum --hidden 400 \
        --latent-dim 20 --batch-size 128 --epochs "$epochs" --threads "$3" --out "$scratch/run" --quiet
      ;;
    candle)
      RAYON_NUM_THREADS="$3" python3 scripts/peers/measure.py run "${as[@]}" "${tables[@]}" -- \
        "$candle/release/candle-vae" "$data" "$epochs"
      ;;
    *)
      python3 scripts/peers/measure.py run "${as[@]}" "${tables[@]}" -- \
        "$python" "scripts/peers/$2_vae.py" --data "$data" --epochs "$epochs" --threads "$3"
      ;;
  esac
}

for ((round = 1; round <= rounds; round++)); do
  for program in $programs; do
    measure "$round" "$program" "$threads"
  done
  if [ "$threads" != 1 ]; then
    for program in vae-bench jax; do
      measure "$round" "$program" 1
    done
  fi
done
python3 scripts/peers/measure.py table "${tables[@]}"
