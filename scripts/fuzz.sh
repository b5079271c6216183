#!/usr/bin/env bash
# Fuzzes every reader in turn, one process. Usage: fuzz.sh [SECONDS for each target] [ROUNDS] [TARGET...]
# Needs the nightly compiler and cargo-fuzz (`cargo install cargo-fuzz`). What was found so far stays in fuzz/corpus, an input
# that fails in fuzz/artifacts; fuzz/executions.csv gets a line for each target and round.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-60}" rounds="${2:-1}"
shift $(($# < 2 ? $# : 2))
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | tail -n +2)
# Safe code needs no address sanitizer, and runs three times as fast without.
cargo +nightly fuzz build --sanitizer none
programs="${CARGO_TARGET_DIR:-fuzz/target}/$(rustc -vV | sed -n 's/^host: //p')/release"
failed=0
for round in $(seq "$rounds"); do
  for target in "${targets[@]}"; do
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    "$programs/$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -artifact_prefix="fuzz/artifacts/$target/" \
      -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
      >"fuzz/artifacts/$target.log" 2>&1 || { failed=1; echo "$target FAILED: see fuzz/artifacts/$target.log"; }
    executed="$(sed -n 's/^stat::number_of_executed_units: *//p' "fuzz/artifacts/$target.log")"
    echo "$round,$target,$seconds,${executed:-0}" | tee -a fuzz/executions.csv
  done
done
awk -F, '{ n += $4; s += $3 } END { printf "%d executions in %.1f hours so far\n", n, s / 3600 }' fuzz/executions.csv
exit "$failed"
