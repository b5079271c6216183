#!/usr/bin/env bash
# Describes this machine, for the folder of a measurement: what a reader must know to compare. Names no person or host.
#
#   scripts/machine.sh [PYTHON]        (PYTHON: also the versions of that environment's jax, optax, torch and numpy)
set -euo pipefail
cd "$(dirname "$0")/.."

# The value of the first line "KEY : VALUE" of a file; a bare machine has neither grep nor awk for certain.
field() {
  local key value
  while IFS=: read -r key value; do
    key="${key%"${key##*[![:space:]]}"}"
    if [ "$key" = "$1" ]; then
      echo "${value#"${value%%[![:space:]]*}"}"
      return
    fi
  done <"$2"
  echo unknown
}

# "flags" on x86-64, "Features" on ARM, where asimd is NEON.
flags=" $(field flags /proc/cpuinfo) $(field Features /proc/cpuinfo) "
vectors=""
for flag in avx2 fma avx512f asimd; do
  case "$flags" in *" $flag "*) vectors+=" $flag" ;; esac
done
echo "processor: $(field 'model name' /proc/cpuinfo)"
echo "processors available: $(nproc)"
echo "vector instructions:${vectors:- none of avx2, fma, avx512f, asimd}"
for cache in /sys/devices/system/cpu/cpu0/cache/index*; do
  [ -r "$cache/size" ] || continue
  echo "cache: L$(<"$cache/level") $(<"$cache/type") $(<"$cache/size"), shared by processors $(<"$cache/shared_cpu_list")"
done
echo "memory: $(field MemTotal /proc/meminfo)"
echo "kernel: $(uname -srm)"
# Somebody else's work shows here.
read -r load _ </proc/loadavg
echo "load average before: $load"
echo "rustc: $(rustc --version)"
[ -x target/release/vae-bench ] && echo "vae-bench: $(target/release/vae-bench --version)"
if [ $# -ge 1 ]; then
  "$1" - <<'PYTHON'
import platform
from importlib.metadata import version

print(f"python: {platform.python_version()}")
for name in "jax", "jaxlib", "optax", "torch", "numpy":
    print(f"{name}: {version(name)}")
PYTHON
fi
