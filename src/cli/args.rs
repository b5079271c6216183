//! The command line as clap sees it: flags, their groups, their help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::run_args::{RunArgs, SettingsArgs, count, number, threads};
use crate::data::DataSource;
use crate::device::DeviceChoice;
use crate::sweep::{Filter, ShardChoice};

const EXAMPLES: &str = "\
Examples:
  vae-bench --loss bce --reduction sum            the ELBO: pytorch/examples, Keras since 2016-08
  vae-bench --loss bce --reduction mean           the classic mistake: beta is 784 and the model collapses
  vae-bench --preset pytorch-vae --epochs 5       somebody's code by name; a flag beside it wins
  vae-bench explain --loss mse --reduction mean   what that objective really is; trains nothing
  vae-bench sweep --grid beta=0.1,1,4 --grid seed=1..5 -- --loss bce     a grid, on every core

Precedence: flag > VAE_BENCH_* variable > --config file > --preset > default.
Exit codes: 0 done, 1 a run failed, 2 usage, 3 data missing or corrupt, 4 diverged, 75 interrupted (resumable).";

/// Train an MLP VAE on MNIST with the loss and the reductions that you name, and see what was really optimised.
///
/// Every VAE loss is a*R + b*K: R the reconstruction loss of an image summed over its D pixels, K its KL summed over
/// its d latents. A "reduction" is a choice of a and b, and the effective beta is b/a. Each run writes both ledgers:
/// what the optimiser saw, and R and K in comparable nats.
#[derive(Debug, Parser)]
#[command(
    name = "vae-bench",
    version = VERSION,
    about,
    long_about,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 110
)]
pub struct Cli {
    /// What to do; without one, a run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The run.
    #[command(flatten)]
    pub run: RunArgs,
}

const VERSION: &str = if env!("VAE_BENCH_COMMIT").is_empty() {
    env!("CARGO_PKG_VERSION")
} else {
    concat!(env!("CARGO_PKG_VERSION"), " (", env!("VAE_BENCH_COMMIT"), ")")
};

/// Everything but a run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what an objective really is; trains nothing
    Explain(Box<ExplainArgs>),
    /// List the conventions of public code bases with their weights
    Presets(PresetsArgs),
    /// Measure a trained model: R, K, active units and directions, KL of every latent
    Eval(EvalArgs),
    /// Run a grid of settings: resumes, skips what is done, uses every core
    Sweep(Box<SweepArgs>),
    /// Say where the runs of a sweep stand
    Status(StatusArgs),
    /// Merge many runs into one tidy table
    Merge(MergeArgs),
    /// Fetch, verify or describe the data
    Data {
        /// What to do.
        #[command(subcommand)]
        action: DataAction,
    },
    /// Print a completion script for your shell
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page (roff; read it with `man -l -`)
    Man,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ExplainArgs {
    /// One KL instead of an objective.
    #[command(subcommand)]
    pub what: Option<ExplainWhat>,
    /// The objective, as for a run.
    #[command(flatten)]
    pub run: RunArgs,
    /// Also say what these settings become on images of so many pixels
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub pixels: Option<usize>,
}

/// What else can be explained.
#[derive(Debug, Subcommand)]
pub enum ExplainWhat {
    /// Break one KL, of N(mean, exp(logvar)) from N(0, 1), into its terms
    Kl {
        /// Mean of the posterior
        #[arg(long, value_parser = number, allow_negative_numbers = true)]
        mean: f64,
        /// Logarithm of its variance
        #[arg(long, value_parser = number, allow_negative_numbers = true)]
        logvar: f64,
    },
}

/// Arguments of `presets`.
#[derive(Debug, Args)]
pub struct PresetsArgs {
    /// One JSON object a preset
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Directory of a finished run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Where the data is, if not where it was
    #[command(flatten)]
    pub data: DataDirArg,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Run directories, or directories that hold run directories
    #[arg(required = true, value_name = "RUNS")]
    pub runs: Vec<PathBuf>,
    /// Where to write the CSV [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Only the last epoch of every run; with --mean, its mean, standard deviation and n over seeds
    #[arg(long = "final")]
    pub only_final: bool,
    /// Last epochs averaged over seeds: one row a configuration and split, NAME_mean and NAME_std (of a sample), and n
    #[arg(long)]
    pub mean: bool,
}

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
`vae-bench merge DIR` know the plan. Exit codes: 0 all done, 1 some failed, 75 interrupted (the same command resumes).

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
    pub settings: SettingsArgs,
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

/// What to do with the data.
#[derive(Debug, Subcommand)]
pub enum DataAction {
    /// Download MNIST into the cache and verify it
    Fetch,
    /// Check the four files against the SHA-256 of the real MNIST
    Verify(DataDirArg),
    /// Say which data a run would use, and describe it
    Info(InfoArgs),
}

/// `--data-dir` alone.
#[derive(Debug, Args)]
pub struct DataDirArg {
    /// Directory of the four files [default: the cache]
    #[arg(long, value_name = "DIR", env = "VAE_BENCH_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Arguments of `data info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// Which data
    #[arg(long, value_enum, default_value = "auto", env = "VAE_BENCH_DATA")]
    pub data: DataSource,
    /// Where it is.
    #[command(flatten)]
    pub dir: DataDirArg,
}
