#!/usr/bin/env bash
# Said: perplexity K means that every code is used. The perplexity that training prints is a batch's, which cannot exceed the
# codes in the batch: batches of 8 to 2,048 test images of one trained model, drawn 200 times, against all 10,000.
source "$(dirname "$0")/../common.sh" 5
vq --codes 1 --codebook-update ema --restart-dead 1 --codebook-init normal
settle
settle_means
python3 - "$bench" "$runs" >"$out/$study-batches.csv" <<'PYTHON'
import json, math, pathlib, random, subprocess, sys

def perplexity(codes):
    counts = {}
    for code in codes:
        counts[code] = counts.get(code, 0) + 1
    return math.exp(-sum(n / len(codes) * math.log(n / len(codes)) for n in counts.values())), len(counts)

print("seed,images,perplexity,codes_used")
for run in sorted(pathlib.Path(sys.argv[2]).iterdir()):
    found = json.loads(subprocess.run([sys.argv[1], "eval", run, "--json", "--samples", "0"], check=True, stdout=subprocess.PIPE).stdout)
    codes = [code for code, count in enumerate(found["code_counts"]) for _ in range(count)]
    seed = next(line.split()[-1] for line in (run / "config.toml").read_text().splitlines() if line.startswith("seed ="))
    draw = random.Random(int(seed))
    for images in [8, 32, 128, 512, 2048, len(codes)]:
        if images <= len(codes):
            drawn = [perplexity(draw.sample(codes, images)) for _ in range(200 if images < len(codes) else 1)]
            print(seed, images, *(round(sum(column) / len(drawn), 4) for column in zip(*drawn)), sep=",")
PYTHON
