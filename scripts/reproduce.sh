#!/usr/bin/env bash
# Makes the files under results/ and pictures/ again from nothing, and says which bytes differ from the committed ones.
#
#   scripts/reproduce.sh [STUDY...]      (default: every study)
#
# Studies: scaling-mismatch beta-sweep latent-dim free-bits image-size conventions claims linear-vae vq constraints wild pictures
#
# The real MNIST must lie in VAE_BENCH_DATA_DIR or in the cache (`vae-bench data fetch`). Runs are kept under
# results/runs/STUDY, which git ignores, and nothing that is finished there is done again: after an interruption, the
# same command goes on. `rm -r results/runs` begins anew. Hours on two cores; each study's time is told at the end.
# results/performance is left out: it measures other programs too (scripts/bench_peers.sh, scripts/bench_growth.sh).
#
# What each study took is appended to results/reproduce.csv: seconds, runs made anew and runs found finished, the processor,
# and the version of the numerics that the runs record.
#
# Ends with 0 where every committed file has the same bytes, with 1 where a file differs or a study failed.
#
# For a trial of the script itself, REPRODUCE_TRIAL=DIR writes results and pictures into DIR in place of the
# repository, from one epoch on 500 synthetic images and one seed: seconds per study, and all bytes differ.
set -uo pipefail
cd "$(dirname "$0")/.."

all=(scaling-mismatch beta-sweep latent-dim free-bits image-size conventions claims linear-vae vq constraints wild pictures)
studies=("$@")
[ $# -gt 0 ] || studies=("${all[@]}")
for study in "${studies[@]}"; do
  case " ${all[*]} " in
    *" $study "*) ;;
    *)
      [ "$study" != performance ] || echo "performance needs the peers and a quiet machine: scripts/bench_peers.sh, scripts/bench_growth.sh" >&2
      echo "no study is called $study; there are: ${all[*]}" >&2
      exit 2
      ;;
  esac
done

cargo build --release --locked --quiet || exit 1
export BENCH=target/release/vae-bench

# A trial asks for less of everything; the scripts of the studies read the same variables.
results=results pictures=pictures
fewer=() only=()
if [ -n "${REPRODUCE_TRIAL:-}" ]; then
  results="$REPRODUCE_TRIAL/results" pictures="$REPRODUCE_TRIAL/pictures"
  mkdir -p "$results" "$pictures" || exit 1
  export DATA=synthetic EPOCHS=1 SEEDS=1 SIZES="--train-size 500 --test-size 100"
  # shellcheck disable=SC2206
  fewer=(--data $DATA --epochs $EPOCHS $SIZES) only=(--filter seed=1)
elif ! "$BENCH" data info --data mnist >/dev/null; then
  exit 3
fi
runs="$results/runs"

# sweep STUDY: every run of experiments/STUDY.toml.
sweep() {
  "$BENCH" sweep "experiments/$1.toml" --out "$runs/$1" --quiet "${only[@]}" -- "${fewer[@]}" >/dev/null
}

# merge STUDY TABLE FLAGS...: a table of the study's runs.
merge() {
  mkdir -p "$results/$1"
  "$BENCH" merge "$runs/$1" --out "$results/$1/$2" "${@:3}"
}

study() {
  case "$1" in
    scaling-mismatch) sweep "$1" && merge "$1" epochs.csv && merge "$1" final.csv --final ;;
    beta-sweep) sweep "$1" && merge "$1" epochs.csv && merge "$1" final.csv --final && merge "$1" mean.csv --final --mean ;;
    latent-dim | free-bits) sweep "$1" && merge "$1" epochs.csv && merge "$1" mean.csv --final --mean ;;
    image-size)
      sweep "$1" && merge "$1" final.csv --final && merge "$1" mean.csv --final --mean || return 1
      # The eigenvalues of the images at each size, which say what becomes of a beta*sigma^2.
      local size data=mnist
      [ ${#fewer[@]} -eq 0 ] || data=synthetic
      for size in 7 14 28 56; do
        "$BENCH" explain --json --data "$data" --loss mse --reduction sum --resize "$size" >"$results/$1/expected-$size.json" || return 1
      done
      ;;
    conventions) RUNS="$runs/conventions" scripts/conventions.sh "$results/conventions" ;;
    claims | vq | constraints)
      local script
      for script in experiments/"$1"/*.sh; do
        RUNS="$runs/$1" OUT="$results/$1" "$script" || return 1
      done
      ;;
    wild)
      RUNS="$runs/wild" experiments/wild.sh "$results/wild" &&
        cargo run --release --locked --quiet --example weights_by_decade -- results/wild/survey.csv "$results/wild"
      ;;
    linear-vae) RUNS="$runs/linear-vae" experiments/linear_vae.sh "$results/linear-vae" ;;
    pictures) paint ;;
  esac
}

# The pictures of README, by the commands that stand under them. Runs whose z has other noise get a picture of their own,
# of a few marks on one spot, which is not kept.
paint() {
  mkdir -p "$pictures"
  local plot=("$BENCH" plot)
  local digits=(--data mnist --epochs 3)
  [ ${#fewer[@]} -eq 0 ] || digits=("${fewer[@]}")
  digits+=(--out "$runs/digits" --quiet)
  "$BENCH" --reduction sum "${digits[@]}" >/dev/null &&
    "$BENCH" --reduction mean "${digits[@]}" >/dev/null &&
    "${plot[@]}" "$runs/digits" --kind digits --out "$pictures" &&
    "${plot[@]}" "$results/conventions/final.csv" --kind rate-distortion --out "$pictures" &&
    rm -f "$pictures"/rate-distortion-*-keras-2016-05.* &&
    "${plot[@]}" "$results/beta-sweep/final.csv" --kind terms --out "$pictures"
}

# runs_of STUDY: the directory of its runs.
runs_of() {
  if [ "$1" = pictures ]; then echo "$runs/digits"; else echo "$runs/$1"; fi
}

# finished DIR: the number of finished runs under DIR.
finished() {
  find "$1" -name run.json -exec grep -l '"status": "completed"' {} + 2>/dev/null | wc -l
}

# log STUDY OUTCOME SECONDS FOUND: appends what STUDY took to reproduce.csv; FOUND of its runs were finished before.
log() {
  local file="$results/reproduce.csv" dir commit cpu numerics
  dir=$(runs_of "$1")
  [ -f "$file" ] || echo "started,commit,study,outcome,seconds,runs_new,runs_found,cpu,numerics" >"$file"
  commit=$(git rev-parse --short=10 HEAD 2>/dev/null) || commit=""
  cpu=$(scripts/machine.sh | sed -n 's/^processor: //p')
  # Every version among the runs: more than one says that old runs lie there.
  numerics=$(find "$dir" -name run.json -exec sed -n 's/.*"numerics": \([0-9]*\).*/\1/p' {} + 2>/dev/null | sort -nu | paste -sd ' ')
  echo "$began,$commit,$1,$2,$3,$(($(finished "$dir") - $4)),$4,\"${cpu//\"/}\",$numerics" >>"$file"
}

began=$(date -u +%Y-%m-%dT%H:%M:%SZ)
failed=0
report=()
for study in "${studies[@]}"; do
  echo "== $study"
  start=$SECONDS outcome=done found=$(finished "$(runs_of "$study")")
  study "$study" || { outcome=FAILED failed=1; }
  log "$study" "$outcome" $((SECONDS - start)) "$found"
  report+=("$(printf '%-18s %6d s  %s' "$study" $((SECONDS - start)) "$outcome")")
done

echo
printf '%s\n' "${report[@]}"
[ ${#fewer[@]} -eq 0 ] || { echo "a trial: files are in $REPRODUCE_TRIAL"; exit $failed; }

# Every file of the studies asked for, committed or new.
paths=()
for study in "${studies[@]}"; do
  if [ "$study" = pictures ]; then paths+=("$pictures"); else paths+=("$results/$study"); fi
done
echo
different=0
while IFS= read -r file; do
  if [ ! -f "$file" ]; then
    echo "missing    $file"
    different=1
  elif git diff --quiet HEAD -- "$file"; then
    echo "same       $file"
  else
    echo "DIFFERENT  $file ($(git diff --numstat HEAD -- "$file" | cut -f1,2 | tr '\t' '/') lines)"
    different=1
  fi
done < <(git ls-files -- "${paths[@]}")
while IFS= read -r file; do
  echo "new        $file"
  different=1
done < <(git ls-files --others --exclude-standard -- "${paths[@]}")
[ $((failed + different)) -eq 0 ]
