#!/usr/bin/env bash
# Said: "the codebook is updated by an EMA". There are four of them: where the averages begin decides what becomes of an entry
# that no code uses, for the first thousand steps. Entries begin as N(0, 1), one code per image, so that many entries are unused
# at first; beside them a codebook with a gradient, and one whose dead entries are restarted. One epoch (469 steps), and five.
source "$(dirname "$0")/../common.sh" 5
for length in 1 "$epochs"; do
  for start in ones zeros smoothed debiased; do
    vq --epochs "$length" --codes 1 --codebook-update ema --ema-start $start --codebook-init normal
  done
  vq --epochs "$length" --codes 1 --codebook-init normal
  vq --epochs "$length" --codes 1 --codebook-update ema --restart-dead 1 --codebook-init normal
done
settle
settle_means
# How long the entries are that a test image uses, and those that none uses.
python3 - "$runs" >"$out/$study-lengths.csv" <<'PYTHON'
import csv, pathlib, statistics, sys

print("codebook_update,ema_start,restart_dead,epochs,seed,used,median_length_used,unused,median_length_unused")
rows = []
for run in pathlib.Path(sys.argv[1]).iterdir():
    settings = dict(line.split(" = ", 1) for line in (run / "config.toml").read_text().splitlines() if " = " in line)
    with open(run / "codes.csv") as file:
        entries = [(int(row["uses"]), float(row["length"])) for row in csv.DictReader(file)]
    cells = [settings.get(key, "").strip('"') for key in ["codebook-update", "ema-start", "restart-dead", "epochs", "seed"]]
    for is_used in [True, False]:
        lengths = [length for uses, length in entries if (uses > 0) == is_used]
        cells += [str(len(lengths)), f"{statistics.median(lengths):.6g}" if lengths else ""]
    rows.append(cells)
for row in sorted(rows):
    print(*row, sep=",")
PYTHON
# Everything that the first of the restarted ones can draw after all epochs, and how it uses the entries.
first="$(grep -l '^restart-dead = 1' "$runs"/*/config.toml | xargs grep -l '^seed = 1$' | xargs grep -l "^epochs = $epochs$" | head -1)"
"$bench" eval "$(dirname "$first")" --images --quiet >/dev/null
cp "$(dirname "$first")/images/codebook.png" "$out/one-code-codebook.png"
cp "$(dirname "$first")/images/code-use.png" "$out/one-code-use.png"
