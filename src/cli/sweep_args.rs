//! The flags of `sweep` and `status`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

use super::running_args::RunningArgs;
use super::setting_args::SettingArgs;
use super::threads::threads;
use super::train::{RunArgs, seeds};
use crate::sweep::{Filter, ShardChoice};

const SWEEP_HELP: &str = "\
A sweep file is TOML; settings are named as the flags are:
  [base]                                     under every run: single values
  epochs = 10
  [grid]                                     multiplied with each other; the last moves fastest
  loss = [\"bce\", \"mse\"]
  beta = { logspace = [0.01, 100, 13] }      13 values from 0.01 to 100, both ends in (also linspace)
  seed = \"1..3\"                              1, 2 and 3: both ends are in, as in a shell's {1..3}
  [[zip]]                                    columns that move together, multiplied with the grid
  reduction = [\"sum\", \"mean\"]
  lr = [1e-3, 1e-4]
  [[run]]                                    one run more, over the base
  preset = \"keras-2016-07\"
  [[exclude]]                                left out: runs where all of these hold
  loss = \"mse\"
  beta = 100

Every flag of a run (`vae-bench --help`) may be given here as well, and wins over the whole file; VAE_BENCH_* variables
win over [base] alone. Finished runs are skipped and unfinished ones go on, so the same command again finishes the rest.
Any number of processes may work on one --out: runs locked by another process are skipped, awaited, and taken over if it
dies. `vae-bench status DIR` and `vae-bench merge DIR` know the plan.

Exit codes: 0 all done, 1 some failed, 3 data missing or corrupt, 75 interrupted (the same command resumes).

Examples:
  vae-bench sweep experiments/beta-sweep.toml --out results/beta-sweep/runs
  vae-bench sweep --grid beta=logspace:0.01,100,13 --grid seed=1..5 --jobs 2 --loss bce --epochs 5
  vae-bench sweep FILE.toml --shard auto                                  in a Slurm array (or auto/N: Kubernetes)
  vae-bench sweep FILE.toml --format ids | parallel vae-bench sweep FILE.toml --only {}";

/// Arguments of `sweep`.
#[derive(Debug, Args)]
#[command(after_help = SWEEP_HELP)]
pub struct SweepArgs {
    /// The sweep file
    #[arg(value_name = "FILE.toml", required_unless_present_any = ["grid", "seeds"])]
    pub file: Option<PathBuf>,
    /// An axis: beta=0.1,1,4, seed=1..5 (both ends), beta=logspace:0.01,100,13, or a TOML value; may be repeated
    #[arg(long, value_name = "KEY=VALUES", help_heading = "Runs")]
    pub grid: Vec<String>,
    /// Several seeds, 1..3 or 1,5,9: short for --grid seed=
    #[arg(long, value_name = "SEEDS", value_parser = seeds, help_heading = "Runs", conflicts_with = "seed")]
    pub seeds: Option<String>,
    /// Only runs where this holds, such as 'beta>=1' or loss=bce; may be repeated, and then all must hold
    #[arg(long, value_name = "CONDITION", value_parser = str::parse::<Filter>, help_heading = "Runs")]
    pub filter: Vec<Filter>,
    /// Only the run of this name (as --format ids lists them); may be repeated
    #[arg(long, value_name = "ID", help_heading = "Runs")]
    pub only: Vec<String>,
    /// Only every N-th run, from the I-th on: 1/3, 2/3, 3/3; auto: from a dense Slurm array; auto/N: also from JOB_COMPLETION_INDEX
    #[arg(long, value_name = "I/N", value_parser = str::parse::<ShardChoice>, help_heading = "Runs", env = "VAE_BENCH_SHARD", hide_env = true)]
    pub shard: Option<ShardChoice>,
    /// List the runs, their states and the time that is left; run nothing, write nothing
    #[arg(long, help_heading = "Listing")]
    pub dry_run: bool,
    /// How to list (and only list) the runs
    #[arg(long, value_enum, help_heading = "Listing")]
    pub format: Option<ListFormat>,
    /// Runs side by side [default: processors / --threads]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true, help_heading = "Running", env = "VAE_BENCH_JOBS", hide_env = true)]
    pub jobs: Option<usize>,
    /// Keep the checkpoint of each finished run, so that a larger --epochs can go on from it (three quarters of its size)
    #[arg(long, help_heading = "Running")]
    pub keep_checkpoints: bool,
    /// After a failure begin no other run, and save those under way
    #[arg(long, help_heading = "Running")]
    pub fail_fast: bool,
    /// Where and how.
    #[command(flatten)]
    pub running: RunningArgs,
    /// Settings of every run: they win over the file.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// More settings of every run, in the form of earlier versions
    #[arg(last = true, value_name = "RUN FLAGS", hide = true)]
    pub after: Vec<OsString>,
}

impl SweepArgs {
    /// One run for each of `run`'s seeds.
    pub(super) fn of_seeds(run: &RunArgs) -> Self {
        SweepArgs {
            file: None,
            grid: Vec::new(),
            seeds: run.seeds.clone(),
            filter: Vec::new(),
            only: Vec::new(),
            shard: None,
            dry_run: false,
            format: None,
            jobs: None,
            fail_fast: false,
            keep_checkpoints: false,
            running: run.running.clone(),
            settings: run.settings.clone(),
            after: Vec::new(),
        }
    }
}

/// The flags after the `--` of a sweep.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
pub struct SweptArgs {
    /// Of every run.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// How runs are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// columns for people
    Table,
    /// one JSON object per run
    Jsonl,
    /// one shell command per run
    Commands,
    /// one name per run
    Ids,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Directory that holds run directories
    #[arg(value_name = "DIR", default_value = "results/runs", env = "VAE_BENCH_OUT", hide_env = true)]
    pub dir: PathBuf,
    /// How to list the runs
    #[arg(long, value_enum, default_value = "table")]
    pub format: ListFormat,
}
