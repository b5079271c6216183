#!/usr/bin/env bash
# Power cuts on a real file system: ext4 on a loop device, copied while a sweep writes to it. Each copy is what a machine that
# lost power at that moment would find: it is mounted and verified, the sweep is run again on it, and its table is held against
# that of an undisturbed sweep. Needs root, mkfs.ext4, loop devices and python3.
# Usage: power_cut.sh [SNAPSHOTS] [RESULTS]
#   RESULTS (power_cut.csv): a line for each snapshot; those that are there are not taken again. BINARY: another program.
set -euo pipefail
snapshots="${1:-50}"
results="$(realpath -m "${2:-power_cut.csv}")"
cd "$(dirname "$0")/.."
vb="${BINARY:-$PWD/target/release/vae-bench}"
work="$(mktemp -d)"
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true; umount "$work/live" "$work/after" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/live" "$work/after" "$work/data"
python3 - "$work/data" <<'PY'
import random, struct, sys
random.seed(1)
for part, n in (("train", 500), ("t10k", 100)):
    with open(f"{sys.argv[1]}/{part}-images-idx3-ubyte", "wb") as file:
        file.write(struct.pack(">IIII", 2051, n, 28, 28) + random.randbytes(n * 784))
    with open(f"{sys.argv[1]}/{part}-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">II", 2049, n) + bytes(i % 10 for i in range(n)))
PY
[ -f "$results" ] || echo "snapshot,seconds,files,failed,checkpoint_before,resumed_from,lost_epochs,anew,same_table" >"$results"

sweep() { # DIRECTORY
  "$vb" sweep --grid seed=1..3 --jobs 2 --threads 1 --out "$1/runs" -q -- \
    --data idx --data-dir "$work/data" --hidden 32 --latent-dim 4 --epochs 300 >/dev/null 2>"$work/err"
}

# The epochs that the checkpoints below a directory hold, added up.
checkpoints() { # DIRECTORY
  python3 - "$1" <<'PY'
import glob, json, struct, sys
total = 0
for path in glob.glob(sys.argv[1] + "/runs/*/checkpoint/state.safetensors"):
    try:
        data = open(path, "rb").read()
        header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
        start = 8 + struct.unpack("<Q", data[:8])[0] + header["counters"]["data_offsets"][0]
        total += 1 + struct.unpack("<q", data[start : start + 8])[0]
    except (OSError, ValueError, struct.error):
        pass
print(total)
PY
}

sweep "$work" # undisturbed
"$vb" merge "$work/runs" --out "$work/table.csv" >/dev/null

taken=$(($(wc -l <"$results") - 1))
while [ "$taken" -lt "$snapshots" ]; do
  # Up to ten snapshots of one sweep, at other moments each time; the last one just after its end.
  dd if=/dev/zero of="$work/disk.img" bs=1M count=64 status=none
  mkfs.ext4 -q "$work/disk.img"
  mount -o loop "$work/disk.img" "$work/live"
  sweep "$work/live" &
  pid=$!
  begun=$(date +%s.%N)
  n=0
  while [ "$n" -lt 10 ] && [ $((taken + n)) -lt "$snapshots" ]; do
    if kill -0 "$pid" 2>/dev/null; then sleep "$(awk -v seed="$((taken + n))" 'BEGIN { srand(seed); print 0.1 + 0.6 * rand() }')"; fi
    # What was there before the copy began; the copy may hold more.
    checkpoints "$work/live" >"$work/before.$n"
    sleep 0.3
    awk -v a="$begun" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }' >"$work/at.$n"
    cp --sparse=always "$work/disk.img" "$work/snapshot.$n"
    ended=$(kill -0 "$pid" 2>/dev/null && echo no || echo yes)
    n=$((n + 1))
    [ "$ended" = no ] || break
  done
  wait "$pid" || true
  pid=
  umount "$work/live"

  for i in $(seq 0 $((n - 1))); do
    mount -o loop "$work/snapshot.$i" "$work/after"
    "$vb" verify "$work/after/runs" >"$work/verify" 2>/dev/null || true
    files=$(wc -l <"$work/verify") failed=$(grep -c FAILED "$work/verify" || true)
    found=$(checkpoints "$work/after")
    same=yes
    sweep "$work/after" || same="no: $(tail -1 "$work/err" | tr ',' ';')"
    anew=$(grep -c anew "$work/err" || true)
    "$vb" merge "$work/after/runs" --out "$work/again.csv" >/dev/null || same="no: merge fails"
    cmp -s "$work/table.csv" "$work/again.csv" || same="no: another table"
    before=$(cat "$work/before.$i")
    lost=$((before > found ? before - found : 0))
    taken=$((taken + 1))
    echo "$taken,$(cat "$work/at.$i"),$files,$failed,$before,$found,$lost,$anew,$same" | tee -a "$results"
    umount "$work/after"
    rm "$work/snapshot.$i"
  done
done
awk -F, 'NR > 1 { n++; lost += $7; failed += $4; anew += $8; wrong += $9 != "yes" }
  END { printf "%d snapshots: %d epochs lost beyond the last checkpoint, %d damaged files, %d runs begun anew, %d wrong tables\n",
        n, lost, failed, anew, wrong; exit lost + failed + anew + wrong > 0 }' "$results"
