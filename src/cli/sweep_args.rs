//! The flags of `sweep` and `status`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

use super::threads::threads;
use crate::device::DeviceChoice;
use crate::spec::Settings;
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

Flags after -- win over the whole file; VAE_BENCH_* variables win over [base] alone. Finished runs are skipped and
unfinished ones go on, so the same command again finishes the rest. Any number of processes may work on one --out: a run
that another one is working on is left to it and waited for, and taken over if that dies. `vae-bench status DIR` and
`vae-bench merge DIR` know the plan. Exit codes: 0 all done, 1 some failed, 3 data missing
or corrupt, 75 interrupted (the same command resumes).

Examples:
  vae-bench sweep experiments/beta-sweep.toml --out results/beta-sweep/runs
  vae-bench sweep --grid beta=logspace:0.01,100,13 --grid seed=1..5 --jobs 2 -- --loss bce --epochs 5
  vae-bench sweep FILE.toml --shard auto                                  in a Slurm array (or auto/N: Kubernetes)
  vae-bench sweep FILE.toml --format ids | parallel vae-bench sweep FILE.toml --only {}";

/// Arguments of `sweep`.
#[derive(Debug, Args)]
#[command(after_help = SWEEP_HELP)]
pub struct SweepArgs {
    /// The sweep file
    #[arg(value_name = "FILE.toml", required_unless_present = "grid")]
    pub file: Option<PathBuf>,
    /// An axis: beta=0.1,1,4, seed=1..5 (both ends), beta=logspace:0.01,100,13, or a TOML value; may be repeated
    #[arg(long, value_name = "KEY=VALUES", help_heading = "Runs")]
    pub grid: Vec<String>,
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
    /// Directory that holds run directories
    #[arg(
        long,
        value_name = "DIR",
        default_value = "results/runs",
        help_heading = "Running",
        env = "VAE_BENCH_OUT",
        hide_env = true
    )]
    pub out: PathBuf,
    /// Runs side by side [default: processors / --threads]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true, help_heading = "Running", env = "VAE_BENCH_JOBS", hide_env = true)]
    pub jobs: Option<usize>,
    /// Threads of each run; the results do not depend on them [default: processors / --jobs, or 1]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true, help_heading = "Running", env = "VAE_BENCH_THREADS", hide_env = true)]
    pub threads: Option<usize>,
    /// cpu, cuda:N or metal
    #[arg(
        long,
        value_name = "DEVICE",
        default_value = "cpu",
        help_heading = "Running",
        env = "VAE_BENCH_DEVICE",
        hide_env = true
    )]
    pub device: DeviceChoice,
    /// After a failure begin no other run, and save those under way
    #[arg(long, help_heading = "Running")]
    pub fail_fast: bool,
    /// No progress on stderr
    #[arg(long, short, help_heading = "Running", conflicts_with = "json")]
    pub quiet: bool,
    /// One JSON object a run, and one for the end, on stdout
    #[arg(long, help_heading = "Running")]
    pub json: bool,
    /// Flags of every run, as `vae-bench --help` lists them: they win over the file
    #[arg(last = true, value_name = "RUN FLAGS")]
    pub run: Vec<OsString>,
}

/// What stands after the `--` of a sweep.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
pub struct SweptArgs {
    /// Of every run.
    #[command(flatten)]
    pub settings: Settings,
    /// TOML file of settings in the place of a sweep file's [base]
    #[arg(long, value_name = "FILE", env = "VAE_BENCH_CONFIG", hide_env = true)]
    pub config: Option<PathBuf>,
}

/// How runs are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// columns for people
    Table,
    /// one JSON object a run
    Jsonl,
    /// one shell command a run
    Commands,
    /// one name a run
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
