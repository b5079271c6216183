//! The command line as clap sees it: a run, or one of the commands. Each command's own module has its arguments.

use clap::{Args as _, CommandFactory, Parser, Subcommand};

use super::clean::CleanArgs;
use super::compare::CompareArgs;
use super::completions::CompletionsArgs;
use super::data::DataAction;
use super::eval::EvalArgs;
use super::explain::ExplainArgs;
use super::export::ExportArgs;
use super::init::InitArgs;
use super::ls::LsArgs;
use super::man::ManArgs;
use super::merge::MergeArgs;
use super::plot::PlotArgs;
use super::presets::PresetsArgs;
use super::probe::ProbeArgs;
use super::report::ReportArgs;
use super::setting_args::SettingArgs;
use super::show::ShowArgs;
use super::sweep_args::{StatusArgs, SweepArgs};
use super::train::RunArgs;
use super::verify::VerifyArgs;

const EXAMPLES: &str = "\
Examples:
  vae-bench --loss bce --reduction sum            the ELBO: pytorch/examples, Keras since 2016-08
  vae-bench --loss bce --reduction mean           the classic mistake: beta is 784 and the model collapses
  vae-bench --preset pytorch-vae --epochs 5       a public code base by name; flags beside it win
  vae-bench explain --loss mse --reduction mean   what that objective really is; trains nothing
  vae-bench sweep --grid beta=0.1,1,4 --seeds 1..5 --loss bce     a grid, on every core

Numbers may be fractions, 1/784, also of the pixels of an image or the latents: --beta 1/pixels, --lr 0.02/latents.
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

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train one run; the word may be left out
    Run(Box<RunArgs>),
    /// Say what an objective really is; trains nothing
    Explain(Box<ExplainArgs>),
    /// Say what your own loss function optimises, by running it: FILE.py:FUNCTION
    Probe(Box<ProbeArgs>),
    /// List the conventions of public code bases with their weights
    Presets(PresetsArgs),
    /// Measure a trained model: R, K, active units and directions, KL of every latent
    Eval(EvalArgs),
    /// Run a grid of settings: resumes, skips what is done, uses every core
    Sweep(Box<SweepArgs>),
    /// Say which runs of a sweep are done, and what came of them
    Status(StatusArgs),
    /// Write what another program needs to replay a run: initial weights, order, noise, images
    Export(ExportArgs),
    /// Check that every file of runs is as it was written
    Verify(VerifyArgs),
    /// List runs with their results; filter and order them by any setting or result
    Ls(LsArgs),
    /// Show one run: settings, epochs, verdict
    Show(ShowArgs),
    /// Hold two runs against each other: settings that differ, terms side by side
    Compare(CompareArgs),
    /// Drop the checkpoints of finished runs, three quarters of their size
    Clean(CleanArgs),
    /// Write a commented sweep file to begin with
    Init(InitArgs),
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
    Completions(CompletionsArgs),
    /// Print a manual page, or write all (roff; read one with `man -l -`)
    Man(ManArgs),
}

/// The command line with the help as it is meant: a sweep takes every setting of a run, and its help does not repeat them.
pub(super) fn command() -> clap::Command {
    let settings = SettingArgs::augment_args(clap::Command::new("settings"));
    let settings: Vec<clap::Id> = settings.get_arguments().map(|arg| arg.get_id().clone()).collect();
    Cli::command().mut_subcommand("sweep", |sweep| {
        sweep.mut_args(|arg| if settings.contains(arg.get_id()) { arg.hide(true) } else { arg })
    })
}
