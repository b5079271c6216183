#!/usr/bin/env bash
# Every distinct convention of results/wild/survey.csv (its column `flags`) on one network, so that only the weights differ:
# three seeds, three epochs. A KL averaged over latents, or a weight that depends on the batch, keeps the sizes of the
# surveyed code as a number, so that the effective value is the surveyed one.
#
#   experiments/wild.sh [OUT]        (default: results/wild; run directories: RUNS, default OUT/runs)
#
# SEEDS, EPOCHS, DATA and SIZES (flags such as "--train-size 500") make it smaller, for a trial. BENCH names a program that
# is built already.
set -euo pipefail
cd "$(dirname "$0")/.."

out="${1:-results/wild}"
runs="${RUNS:-$out/runs}"
mkdir -p "$out"
[ -n "${BENCH:-}" ] || cargo build --release --locked --quiet
bench="${BENCH:-target/release/vae-bench}"
same="--hidden 400 --latent-dim 20 --batch-size 128 --optimizer adam --lr 1e-3 --init pytorch --binarize none
      --epochs ${EPOCHS:-3} --data ${DATA:-mnist} ${SIZES:-}"

# `flags` is the last column and has no comma; rows without a number there are not trained.
conventions=$(sed -n 's/.*,\(--loss [^,]*\)$/\1/p' results/wild/survey.csv | sort -u)
for seed in ${SEEDS:-1 2 3}; do
  while IFS= read -r flags; do
    # shellcheck disable=SC2086
    "$bench" $flags $same --seed "$seed" --out "$runs" --quiet >/dev/null </dev/null
    echo "done: $flags --seed $seed"
  done <<<"$conventions"
done
"$bench" merge "$runs" --final --out "$out/conventions.csv"
"$bench" plot "$out/conventions.csv" --kind rate-distortion --out "$out"
