#!/usr/bin/env bash
# A VQ-VAE of vae-bench (10 codes of 16 numbers from 64 entries) beside a VAE of the same hidden widths with 20 latents and one with
# 160, as many numbers as the code has, and beside the same VQ-VAE in PyTorch: in turn, so that a slow minute of the machine hits all.
#
#   VAE_BENCH_DATA_DIR=DIR scripts/bench_vq_peers.sh [ROUNDS] [OUT]        (default: 5 results/performance)
#
# Needs MNIST, cargo and a python with torch and numpy: that of scripts/bench_peers.sh, or VAE_BENCH_PEERS_VENV. The variables
# VAE_BENCH_PEERS_EPOCHS (default 5), VAE_BENCH_PEERS_THREADS (default: one thread, then all processors) and BENCH (the program) too.
# About two minutes a round on two cores. Leaves vq-peers.csv, vq-peers-runs.csv and vq-peers-machine.txt in OUT, from scratch each
# time, and prints the table of scripts/bench_peers.sh: its column `vae-bench / it` is the time of the VQ-VAE's epoch divided by
# that of the program in the row.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds="${1:-5}"
out="${2:-results/performance}"
epochs="${VAE_BENCH_PEERS_EPOCHS:-5}"
venv="${VAE_BENCH_PEERS_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/vae-bench/peers-venv}"
python="$venv/bin/python"
data="${VAE_BENCH_DATA_DIR:?set it to the directory of the four MNIST files}"
"$python" -c 'import numpy, torch' || { echo "no torch in $venv: run scripts/bench_peers.sh once, or set VAE_BENCH_PEERS_VENV" >&2; exit 3; }
bench="${BENCH:-target/release/vae-bench}"
[ -n "${BENCH:-}" ] || cargo build --release --locked --quiet

mkdir -p "$out"
tables=(--epochs-csv "$out/vq-peers.csv" --runs-csv "$out/vq-peers-runs.csv")
rm -f "$out/vq-peers.csv" "$out/vq-peers-runs.csv"
scripts/machine.sh "$python" >"$out/vq-peers-machine.txt"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# ours ROUND THREADS PROGRAM FLAGS...
ours() {
  rm -rf "$scratch/run"
  python3 scripts/peers/measure.py run --round "$1" --threads "$2" --program "$3" "${tables[@]}" --run-dir "$scratch/run" -- \
    "$bench" --data mnist --data-dir "$data" --loss bce --reduction sum --hidden 400 --batch-size 128 --epochs "$epochs" \
    --threads "$2" --out "$scratch/run" --quiet "${@:4}"
}

most="$(nproc)"
read -ra counts <<<"${VAE_BENCH_PEERS_THREADS:-1 $([ "$most" = 1 ] || echo "$most")}"
for ((round = 1; round <= rounds; round++)); do
  for threads in "${counts[@]}"; do
    # The name that the table compares with is that of the VQ-VAE.
    ours "$round" "$threads" vae-bench --model vq-vae --codes 10 --code-dim 16 --codebook-size 64
    ours "$round" "$threads" vae-bench-ema --model vq-vae --codes 10 --code-dim 16 --codebook-size 64 --codebook-update ema
    ours "$round" "$threads" vae-bench-vae --latent-dim 20
    ours "$round" "$threads" vae-bench-vae-160 --latent-dim 160
    python3 scripts/peers/measure.py run --round "$round" --threads "$threads" --program torch-vq-vae "${tables[@]}" -- \
      "$python" scripts/peers/torch_vq_vae.py --data "$data" --epochs "$epochs" --threads "$threads"
  done
done
python3 scripts/peers/measure.py table "${tables[@]}"
