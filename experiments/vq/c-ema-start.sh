#!/usr/bin/env bash
# Said: "the codebook is updated by an EMA". There are four of them: where the averages begin decides what becomes of an entry
# that no code uses. Entries begin as N(0, 1), one code per image, so that many entries
# are unused at first; beside them a codebook with a gradient, and one whose dead entries are restarted.
source "$(dirname "$0")/../common.sh" 5
for start in ones zeros smoothed debiased; do
  vq --codes 1 --codebook-update ema --ema-start $start --codebook-init normal
done
vq --codes 1 --codebook-init normal
vq --codes 1 --codebook-update ema --restart-dead 1 --codebook-init normal
settle
settle_means
# Everything that the first of the restarted ones can draw, and how it uses the entries.
first="$(grep -l '^restart-dead = 1' "$runs"/*/config.toml | xargs grep -l '^seed = 1$' | head -1)"
"$bench" eval "$(dirname "$first")" --images --quiet >/dev/null
cp "$(dirname "$first")/images/codebook.png" "$out/one-code-codebook.png"
cp "$(dirname "$first")/images/code-use.png" "$out/one-code-use.png"
