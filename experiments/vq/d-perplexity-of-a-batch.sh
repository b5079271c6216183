#!/usr/bin/env bash
# Said: perplexity K means that every code is used. The perplexity that training prints is a batch's, which cannot exceed the
# codes in the batch: batches of 8 to 2,048 test images, drawn 200 times from the uses that codes.csv counts, against all 10,000.
# The models are those of c-ema-start.sh whose dead entries are restarted, which this trains where that has not.
source "$(dirname "$0")/../common.sh" 5
runs="${runs%/*}/c-ema-start"
vq --codes 1 --codebook-update ema --restart-dead 1 --codebook-init normal
python3 - "$runs" "$epochs" >"$out/$study.csv" <<'PYTHON'
import csv, math, pathlib, random, sys

def perplexity(codes):
    counts = {}
    for code in codes:
        counts[code] = counts.get(code, 0) + 1
    return math.exp(-sum(n / len(codes) * math.log(n / len(codes)) for n in counts.values())), len(counts)

print("seed,epochs,images,perplexity,codes_used")
found = []
for run in pathlib.Path(sys.argv[1]).iterdir():
    settings = dict(line.split(" = ", 1) for line in (run / "config.toml").read_text().splitlines() if " = " in line)
    if "restart-dead" in settings and settings["epochs"] == sys.argv[2]:
        found.append((int(settings["epochs"]), int(settings["seed"]), run))
for epochs, seed, run in sorted(found):
    with open(run / "codes.csv") as file:
        codes = [row["code"] for row in csv.DictReader(file) for _ in range(int(row["uses"]))]
    draw = random.Random(seed)
    for images in [8, 32, 128, 512, 2048, len(codes)]:
        if images <= len(codes):
            drawn = [perplexity(draw.sample(codes, images)) for _ in range(200 if images < len(codes) else 1)]
            print(seed, epochs, images, *(round(sum(column) / len(drawn), 4) for column in zip(*drawn)), sep=",")
PYTHON
