#!/usr/bin/env python3
"""Probes every loss of results/probe/cases.csv and writes the known answer beside what was found.

    scripts/probe_losses.py --binary target/release/vae-bench --python PYTHON [--framework-python tensorflow=PYTHON ...] \
        [--out results/probe/table.csv]

A row is `right` where a and b are within 1e-4 of the known ones at every one of four sizes and both terms are what they are,
`refused` where nothing was claimed for the stated reason, `MISIDENTIFIED` where something else was claimed, and `missed` where
nothing was claimed though the loss is known. Rows of a library that the Python lacks are left as they were in the table.
Needs nothing but Python itself.
"""

import argparse
import csv
import json
import math
import os
import shlex
import subprocess
import sys

HERE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "results", "probe"))
COLUMNS = ["framework", "file", "function", "flags", "recon", "kl", "a", "b", "verdict", "found", "found_a", "found_b",
           "found_effective", "residual", "calls", "answer"]
# What stands in cases.csv, and a piece of the program's own words.
RECON = {
    "BCE of probabilities": "cross-entropy (BCE) of probabilities",
    "BCE of logits": "cross-entropy (BCE) of logits",
    "BCE of reconstructions in [-1; 1]": "of reconstructions in [-1, 1]",
    "BCE with its arguments swapped": "in each other's place",
    "squared error": "squared error",
    "absolute error": "absolute error",
    "log(MSE)": "logarithm of the batch's mean squared error",
    "root of the squared error": "root of the batch's summed squared error",
    "continuous Bernoulli": "continuous Bernoulli NLL of probabilities",
}
DENSITY = {" with the constants of a Gaussian": "Gaussian", " with the constants of a Laplace": "Laplace"}


def right(case, found):
    """What about a claim is not as it is known, or nothing."""
    recon, density = case["recon"], "None"
    for words, name in DENSITY.items():
        if recon.endswith(words):
            recon, density = recon.removesuffix(words), name
    if RECON[recon] not in found["recon"] or (recon in ("squared error", "absolute error") and not found["recon"].startswith(recon)):
        return f"the reconstruction is {case['recon']}"
    if not found["likelihood"].startswith(density):
        return f"the likelihood is {density}"
    kl, words = case["kl"], found["kl"] or ""
    symbol = found["kl_symbol"] or "none"
    if kl == "none":
        wrong = found["kl"] is not None
    elif kl == "sampled K":
        wrong = "sampled, log q" not in words
    elif kl.startswith("K of another prior"):
        wrong = "- 0.5*ln var" not in words or not words.endswith(kl.split(", of ")[1])
    elif kl == "K without ln var":
        wrong = "ln var" in words.split(";")[0]
    elif kl == "K with exp(logvar/2)":
        wrong = "with exp(logvar/2) for the variance" not in words
    elif kl == "K":
        wrong = symbol != "K" or not words.startswith("KL to N(0, 1) in closed form")
    else:
        wrong = symbol != kl
    if wrong:
        return f"the KL is {kl}"
    for at in found["at"]:
        if "pixels" in found["fixed"] and at["pixels"] != 784:
            continue  # It takes images of 784 pixels alone, and says so.
        names = {"B": at["batch_size"], "D": at["pixels"], "d": at["latent_dim"], "sqrt": math.sqrt}
        for name, law in (("recon_weight", case["a"]), ("kl_weight", case["b"])):
            known = eval(law, {"__builtins__": {}}, names)
            if abs(at[name] - known) > 1e-4 * abs(known):
                return f"{name} is {law} = {known} at {at}, not {at[name]}"
    return None


def probe(binary, python, case):
    data = [] if os.environ.get("VAE_BENCH_DATA_DIR") else ["--data", "synthetic"]
    command = [binary, "probe", "--json", "--time-limit", "900", *data, "--python", python]
    if case["file"] == "-e":
        command += ["-e", case["function"]]
    else:
        command.append(f"{os.path.join(HERE, 'losses', case['file'])}:{case['function']}")
    done = subprocess.run(command + shlex.split(case["flags"]), capture_output=True, text=True)
    try:
        return json.loads(done.stdout), done.stderr
    except json.JSONDecodeError:
        return None, done.stderr


def judge(case, found, stderr):
    row = dict.fromkeys(COLUMNS, "") | case
    reason = case["verdict"].removeprefix("refused: ")
    if found and found["identified"]:
        row |= {"found": found["formula"], "found_a": found["recon_weight"], "found_b": found["kl_weight"],
                "found_effective": found["effective"] or "", "calls": found["evidence"]["calls"],
                "residual": f"{found['evidence']['worst_relative_error']:.0e}"}
        problem = right(case, found) if case["verdict"] == "identified" else "it is refused"
        row["answer"] = "right" if problem is None else f"MISIDENTIFIED: {problem}"
    else:
        said = found["reason"] if found else stderr.strip()
        # Where the repository lies is no part of the table.
        row["found"] = " ".join(said.replace(os.path.join(HERE, "losses", ""), "").split())[-200:]
        if case["verdict"] == "identified":
            row["answer"] = "missed"
        else:
            row["answer"] = "refused" if reason in said else f"refused, but not because of {reason!r}"
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default="target/release/vae-bench")
    parser.add_argument("--python", default="python3")
    parser.add_argument("--framework-python", action="append", default=[], metavar="NAME=PROGRAM")
    parser.add_argument("--out", default=os.path.join(HERE, "table.csv"))
    parser.add_argument("--only", default="", help="part of a function's name")
    args = parser.parse_args()
    pythons = dict(pair.split("=", 1) for pair in args.framework_python)
    with open(os.path.join(HERE, "cases.csv"), newline="") as file:
        cases = list(csv.DictReader(file))
    before = {}
    if os.path.exists(args.out):
        with open(args.out, newline="") as file:
            before = {(row["file"], row["function"]): row for row in csv.DictReader(file)}
    has, rows, bad = {}, [], 0
    for case in cases:
        python = pythons.get(case["framework"], args.python)
        if case["framework"] not in has:
            spec = f"import importlib.util as u, sys; sys.exit(u.find_spec({case['framework']!r}) is None)"
            has[case["framework"]] = subprocess.run([python, "-c", spec]).returncode == 0
        key = (case["file"], case["function"])
        if not has[case["framework"]] or args.only not in case["function"]:
            if key in before:
                rows.append(before[key])
            continue
        row = judge(case, *probe(args.binary, python, case))
        rows.append(row)
        good = row["answer"] in ("right", "refused")
        bad += not good
        print(f"{row['answer']:10.60} {case['framework']:10} {case['function'][:50]}  {row['found'] if not good else row['found'][:90]}",
              flush=True)
    with open(args.out, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    count = lambda answer: sum(row["answer"].startswith(answer) for row in rows)
    print(f"{len(rows)} losses: {count('right')} right, {count('refused')} refused, {count('missed')} missed, "
          f"{count('MISIDENTIFIED')} misidentified")
    sys.exit(bad > 0)


main()
