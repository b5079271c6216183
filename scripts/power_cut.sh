#!/usr/bin/env bash
# Power cuts on a real file system: ext4 on a loop device, copied while a sweep writes to it. Each copy is what a machine that
# lost power at that moment would find; it is mounted, checked, and the sweep is run again on it. Needs root, mkfs.ext4 and
# loop devices. Usage: power_cut.sh DATA_DIR [SNAPSHOTS]   (DATA_DIR: the four IDX files; BINARY: another program)
set -euo pipefail
data="$(cd "$1" && pwd)"
snapshots="${2:-10}"
cd "$(dirname "$0")/.."
vb="${BINARY:-$PWD/target/release/vae-bench}"
work="$(mktemp -d)"
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true; wait; umount "$work/live" "$work/after" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/live" "$work/after"

sweep() { # DIRECTORY
  "$vb" sweep --grid seed=1..3 --jobs 2 --threads 1 --out "$1/runs" -q -- \
    --data idx --data-dir "$data" --train-size 2000 --test-size 200 --hidden 64 --latent-dim 4 --epochs 40 >/dev/null 2>"$work/err"
}

sweep "$work" # undisturbed
"$vb" merge "$work/runs" --out "$work/table.csv" >/dev/null

lost=0 wrong=0
for i in $(seq "$snapshots"); do
  dd if=/dev/zero of="$work/disk.img" bs=1M count=100 status=none
  mkfs.ext4 -q "$work/disk.img"
  mount -o loop "$work/disk.img" "$work/live"
  sweep "$work/live" &
  pid=$!
  # The last snapshot is taken just after the sweep has ended.
  if [ "$i" -lt "$snapshots" ]; then sleep "$(awk "BEGIN { print 0.4 * $i }")"; else wait "$pid"; fi
  cp "$work/disk.img" "$work/snapshot.img"
  wait "$pid" || true
  pid=
  umount "$work/live"

  mount -o loop "$work/snapshot.img" "$work/after"
  if [ -d "$work/after/runs" ]; then
    "$vb" verify "$work/after/runs" >"$work/verify" 2>&1 || { [ "$i" -lt "$snapshots" ] || lost=$((lost + 1)); }
    grep FAILED "$work/verify" | sed "s|^|snapshot $i: |" || true
  fi
  if ! sweep "$work/after"; then echo "snapshot $i: the sweep fails: $(tail -1 "$work/err")"; wrong=$((wrong + 1)); fi
  if grep -q "anew" "$work/err"; then echo "snapshot $i: $(grep anew "$work/err")"; lost=$((lost + 1)); fi
  "$vb" merge "$work/after/runs" --out "$work/again.csv" >/dev/null
  cmp -s "$work/table.csv" "$work/again.csv" || { echo "snapshot $i: another table"; wrong=$((wrong + 1)); }
  umount "$work/after"
done
echo "$snapshots snapshots: $lost with lost work beyond the last checkpoint, $wrong with a wrong end"
[ "$lost" = 0 ] && [ "$wrong" = 0 ]
