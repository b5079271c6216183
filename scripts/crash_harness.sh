#!/usr/bin/env bash
# Every fault at every operation on a file of a run: killed, half written, failed, stopped at, cut off from power, and every
# kind of damage. Prints the number of schedules and of exceptions for each. The tests take a sample of the same.
set -euo pipefail
cd "$(dirname "$0")/.."
DURABILITY=all cargo test --release --test durability -- --nocapture --test-threads "${1:-1}" |
  grep -E "schedules|flipped|panicked|test result"
