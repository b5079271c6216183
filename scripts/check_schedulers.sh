#!/usr/bin/env bash
# One sweep of 24 runs by every engine that fits on one machine, and the same bytes from `merge` each time: one process,
# 3 and 24 shards, two processes at once, twenty kills, GNU parallel, HyperQueue, and a real Slurm with a requeue.
#
#   scripts/check_schedulers.sh                 (four minutes; Linux; installs what is missing, which takes root on Debian)
#
# Slurm (slurmctld, slurmd, munged) runs on localhost out of a scratch directory and is gone afterwards; HyperQueue comes
# from PyPI into an environment of its own there. VAE_BENCH_CHECKS chooses: "shards two kills parallel hyperqueue slurm".
set -euo pipefail
cd "$(dirname "$0")/.."

checks="${VAE_BENCH_CHECKS:-shards two kills parallel hyperqueue slurm}"
if [ -z "${VAE_BENCH:-}" ]; then
  cargo build --release --quiet
  VAE_BENCH="$PWD/target/release/vae-bench"
fi
export VAE_BENCH
scratch="$(mktemp -d)"
chmod 755 "$scratch"
daemons=()
finish() {
  for pid in ${daemons[@]+"${daemons[@]}"}; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap finish EXIT

sweep="$scratch/sweep.toml"
cat >"$sweep" <<'TOML'
[base]
train-size = 3000
test-size = 1000
epochs = 2
hidden = "100"
[grid]
loss = ["bce", "mse"]
beta = { logspace = [0.1, 10, 4] }
seed = "1..3"
TOML

need() { # need COMMAND PACKAGES...
  command -v "$1" >/dev/null && return
  echo "installing ${*:2}" >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${@:2}" >/dev/null
}

# same NAME START DIRS...: the merged table of DIRS is that of one process.
same() {
  local name="$1" seconds=$((SECONDS - $2)) notes="$scratch/notes"
  "$VAE_BENCH" merge "${@:3}" --out "$scratch/table.csv" >/dev/null 2>"$notes"
  if grep -E "missing|not finished" "$notes" >&2 || ! cmp "$scratch/one.csv" "$scratch/table.csv" >&2; then
    echo "FAILED  $name" && exit 1
  fi
  printf '%-42s the same bytes  %4d s\n' "$name" "$seconds"
}

start=$SECONDS
"$VAE_BENCH" sweep "$sweep" --out "$scratch/one" --quiet >/dev/null
"$VAE_BENCH" merge "$scratch/one" --out "$scratch/one.csv" >/dev/null 2>&1
printf '%-42s %s  %4d s\n' "one process, a job a core" "$(($(wc -l <"$scratch/one.csv") - 1)) rows      " "$((SECONDS - start))"

check_shards() {
  local n i dirs
  for n in 3 24; do
    start=$SECONDS dirs=()
    for ((i = n; i >= 1; i--)); do
      "$VAE_BENCH" sweep "$sweep" --out "$scratch/$n-$i" --shard "$i/$n" --quiet >/dev/null
      dirs+=("$scratch/$n-$i")
    done
    same "$n shards, each in a directory of its own" "$start" "${dirs[@]}"
  done
}

check_two() {
  start=$SECONDS
  "$VAE_BENCH" sweep "$sweep" --out "$scratch/two" --jobs 1 --quiet >/dev/null &
  local first=$!
  "$VAE_BENCH" sweep "$sweep" --out "$scratch/two" --jobs 1 --quiet >/dev/null
  wait "$first"
  same "two processes at once on one directory" "$start" "$scratch/two"
}

check_kills() {
  start=$SECONDS
  local kills=0 pid
  while [ "$kills" -lt 20 ]; do
    "$VAE_BENCH" sweep "$sweep" --out "$scratch/kills" --quiet >/dev/null 2>&1 &
    pid=$!
    sleep "$((RANDOM % 2)).$((RANDOM % 6 + 4))" # reading MNIST takes the first half second
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    kills=$((kills + 1))
  done
  "$VAE_BENCH" sweep "$sweep" --out "$scratch/kills" --quiet >/dev/null
  same "20 kills (SIGKILL) at random moments" "$start" "$scratch/kills"
}

check_parallel() {
  need parallel parallel
  start=$SECONDS
  scripts/sweep_parallel.sh "$sweep" "$scratch/parallel" --jobs "$(nproc)" >/dev/null
  [ "$(tail -n +2 "$scratch/parallel/joblog" | cut -f7 | sort -u)" = 0 ]
  same "GNU parallel, one process a run" "$start" "$scratch/parallel"
}

check_hyperqueue() {
  python3 -m venv "$scratch/venv"
  "$scratch/venv/bin/pip" install --quiet hyperqueue
  start=$SECONDS
  "$scratch/venv/bin/python" scripts/hyperqueue/sweep.py "$sweep" "$scratch/hyperqueue" "$VAE_BENCH" 2>"$scratch/hyperqueue.log"
  same "HyperQueue, one task a run" "$start" "$scratch/hyperqueue"
}

start_slurm() {
  need munged munge
  need slurmctld slurm-wlm
  local s="$scratch/slurm" host user cpus
  host="$(hostname -s)" user="$(id -un)" cpus="$(nproc)"
  mkdir -p "$s/state" "$s/spool"
  dd if=/dev/urandom of="$s/munge.key" bs=1024 count=1 2>/dev/null
  chmod 400 "$s/munge.key"
  munged --foreground --force --socket="$s/munge.socket" --key-file="$s/munge.key" --pid-file="$s/munged.pid" \
    --log-file="$s/munged.log" --seed-file="$s/munge.seed" >/dev/null 2>&1 &
  daemons+=($!)
  cat >"$s/slurm.conf" <<CONF
ClusterName=check
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$s/munge.socket
CryptoType=crypto/munge
StateSaveLocation=$s/state
SlurmdSpoolDir=$s/spool
SlurmctldPidFile=$s/slurmctld.pid
SlurmdPidFile=$s/slurmd.pid
SlurmctldLogFile=$s/slurmctld.log
SlurmdLogFile=$s/slurmd.log
SlurmctldPort=26817
SlurmdPort=26818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
JobRequeue=1
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
  export SLURM_CONF="$s/slurm.conf"
  sleep 1
  slurmctld -D >/dev/null 2>&1 &
  daemons+=($!)
  slurmd -D -N "$host" >/dev/null 2>&1 &
  daemons+=($!)
  for _ in $(seq 60); do
    sinfo -h -o %t 2>/dev/null | grep -q idle && return
    sleep 0.5
  done
  tail -n 20 "$s"/slurm*.log >&2
  echo "FAILED  Slurm did not start" && exit 1
}

# until_done JOB: waits until the whole array has left the queue.
until_done() {
  for _ in $(seq 300); do
    [ -z "$(squeue -h -j "$1" 2>/dev/null)" ] && return
    sleep 0.5
  done
  squeue >&2
  echo "FAILED  job $1 does not end" && exit 1
}

check_slurm() {
  start_slurm
  local job log="$scratch/slurm-%A_%a.log" submit
  submit=(sbatch --parsable --cpus-per-task=1 --output="$log")
  start=$SECONDS
  job="$("${submit[@]}" --array=0-3 scripts/slurm/array.sbatch "$sweep" "$scratch/slurm-runs")"
  until_done "$job"
  same "Slurm, an array of 4" "$start" "$scratch/slurm-runs"

  # A warning in the middle: saved, exit 75, requeued, and finished by the requeued task.
  start=$SECONDS
  job="$("${submit[@]}" --array=1-1 --cpus-per-task="$(nproc)" scripts/slurm/array.sbatch "$sweep" "$scratch/requeued")"
  for _ in $(seq 600); do
    ls "$scratch"/requeued/*/run.json >/dev/null 2>&1 && break
    sleep 0.1
  done
  scancel --batch --signal=USR1 "${job}_1"
  # Slurm lets a requeued job rest for two minutes; nobody else needs this machine.
  (sleep 3; for _ in $(seq 20); do scontrol update JobId="${job}_1" StartTime=now >/dev/null 2>&1; sleep 1; done) &
  until_done "$job"
  grep -h -q "go.* on with them" "$scratch/slurm-${job}_1.log" || { cat "$scratch/slurm-${job}_1.log" >&2 && exit 1; }
  same "Slurm, warned (USR1), requeued, resumed" "$start" "$scratch/requeued"

  job="$("${submit[@]}" --array=1,3 scripts/slurm/array.sbatch "$sweep" "$scratch/gaps")"
  until_done "$job"
  grep -q "dense one" "$scratch/slurm-${job}_3.log"
  printf '%-42s %s\n' "Slurm, an array with gaps" "is refused"
}

for check in $checks; do "check_$check"; done
