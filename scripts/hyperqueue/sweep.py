#!/usr/bin/env python3
"""A sweep through HyperQueue: one task a run, on a server of this machine with as many workers' cores as it has.

    pip install hyperqueue
    python3 scripts/hyperqueue/sweep.py FILE.toml OUT [PROGRAM]

Where a server is running already (on a cluster, with `hq alloc add slurm`), the same in two commands:

    vae-bench sweep FILE.toml --format ids > ids
    hq submit --each-line ids -- sh -c 'vae-bench sweep FILE.toml --out OUT --only "$HQ_ENTRY" --jobs 1 --quiet'
"""

import subprocess
import sys
import tempfile

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

file, out, program = sys.argv[1], sys.argv[2], (sys.argv[3:] or ["vae-bench"])[0]
sweep = [program, "sweep", file]
ids = subprocess.run(sweep + ["--format", "ids"], check=True, capture_output=True, text=True).stdout.split()

job = Job(max_fails=None)
for run in ids:
    job.program(sweep + ["--out", out, "--only", run, "--jobs", "1", "--threads", "1", "--quiet"], stdout=None, stderr=None)

with tempfile.TemporaryDirectory() as server, LocalCluster(server, WorkerConfig()) as cluster:
    client = cluster.client()
    submitted = client.submit(job)
    client.wait_for_jobs([submitted], raise_on_error=False)
    failed = client.get_failed_tasks(submitted)
    for task in failed.values():
        print(task.error, file=sys.stderr)
sys.exit(1 if failed else 0)
