//! The command line as clap sees it: flags, their groups, their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use super::export::ExportArgs;
use super::looks::Picture;
use super::run_args::{RunArgs, count, number};
use super::sweep_args::{StatusArgs, SweepArgs};
use crate::data::DataSource;
use figure::Theme;

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
    /// Write what another program needs to replay a run: initial weights, order, noise, images
    Export(ExportArgs),
    /// Run a grid of settings: resumes, skips what is done, uses every core
    Sweep(Box<SweepArgs>),
    /// Say where the runs of a sweep stand
    Status(StatusArgs),
    /// Merge many runs into one tidy table
    Merge(MergeArgs),
    /// Draw runs: SVG and PNG, from records alone
    Plot(PlotArgs),
    /// Write one self-contained page about runs
    Report(ReportArgs),
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
    /// Samples of z per image for the importance-weighted estimate of -log p(x): the bound falls with them; 0 leaves it out
    #[arg(long, value_name = "N", default_value = "64", value_parser = count::<u32>, allow_negative_numbers = true)]
    pub samples: u32,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// Also paint what the model makes of images, into RUN/images
    #[arg(long)]
    pub images: bool,
    /// No progress on stderr
    #[arg(long)]
    pub quiet: bool,
}

/// What `plot` and `report` look at.
#[derive(Debug, Args)]
pub struct Inputs {
    /// Run directories, directories that hold them, or merged tables (CSV)
    #[arg(required = true, value_name = "RUNS")]
    pub runs: Vec<PathBuf>,
    /// Look again every few seconds until Ctrl-C, and write what has changed
    #[arg(long)]
    pub watch: bool,
}

/// Arguments of `plot`.
#[derive(Debug, Args)]
pub struct PlotArgs {
    /// The runs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Directory for the pictures
    #[arg(long, value_name = "DIR", default_value = "plots")]
    pub out: PathBuf,
    /// Only these kinds [default: all that are made from records]
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<Picture>,
    /// Paper
    #[arg(long, value_enum, default_value = "light")]
    pub theme: Theme,
    /// Where the data is, for --kind digits, if not where it was
    #[command(flatten)]
    pub data: DataDirArg,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The runs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// The page
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub out: PathBuf,
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
