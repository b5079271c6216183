//! `vae-bench merge`: many runs in one tidy table.

use std::path::PathBuf;

use clap::Args;

use crate::error::{ExitCode, Result};
use crate::files::write_atomically;
use crate::sweep::{Merged, Rows, find_runs, merge, missing};
use crate::terminal::{print, print_line, warn};

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

/// Merges the runs of `args.runs`.
pub(super) fn run(args: &MergeArgs) -> Result<ExitCode> {
    let rows = match (args.mean, args.only_final) {
        (true, _) => Rows::Mean,
        (false, true) => Rows::Final,
        (false, false) => Rows::All,
    };
    let runs = find_runs(&args.runs)?;
    let Merged { table, notes } = merge(&runs, rows)?;
    for note in missing(&args.runs, &runs)?.iter().chain(&notes) {
        warn(note);
    }
    match &args.out {
        None => print(table),
        Some(path) => {
            write_atomically(path, &table)?;
            let lines = table.iter().filter(|&&b| b == b'\n').count();
            print_line(&format!("{}: {} rows", path.display(), lines.saturating_sub(1)));
        }
    }
    Ok(ExitCode::Done)
}
