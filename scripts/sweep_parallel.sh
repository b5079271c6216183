#!/usr/bin/env bash
# A sweep through GNU parallel: one process a run, a line in OUT/joblog for each, on this machine or on those of --sshlogin.
# Run it again after anything: what is done is skipped.
#
#   scripts/sweep_parallel.sh FILE.toml OUT [PARALLEL'S OPTIONS...]
#
# Exitval in the joblog: 0 done, 1 failed, 75 interrupted with a checkpoint.
set -euo pipefail

program="${VAE_BENCH:-vae-bench}"
file="$1" out="$2"
shift 2
mkdir -p "$out"
"$program" sweep "$file" --format ids |
  parallel --joblog "$out/joblog" --termseq TERM,10000,KILL "$@" \
    "$program" sweep "$file" --out "$out" --only {} --jobs 1 --threads 1 --quiet
