//! `vae-bench merge`: many runs in one tidy table.

use std::io::BufWriter;
use std::path::PathBuf;

use clap::Args;

use crate::error::{ExitCode, Result};
use crate::files::write_atomically_with;
use crate::records::merged::RowChoice;
use crate::sweep::{Merged, Rows, find_runs, merge, missing};
use crate::terminal::{Results, print_line, warn};

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
    /// Last epochs averaged over seeds: one row per configuration and split, NAME_mean and NAME_std (of a sample), and n
    #[arg(long)]
    pub mean: bool,
}

/// Merges the runs of `args.runs`.
pub(super) fn run(args: &MergeArgs) -> Result<ExitCode> {
    let rows = match (args.mean, args.only_final) {
        (true, _) => Rows::Mean,
        (false, true) => Rows::Each(RowChoice::Final),
        (false, false) => Rows::Each(RowChoice::All),
    };
    let runs = find_runs(&args.runs)?;
    let missing = missing(&args.runs, &runs)?;
    let Merged { rows, damaged, notes } = match &args.out {
        None => merge(&runs, rows, &mut BufWriter::new(Results))?,
        Some(path) => write_atomically_with(path, |file| merge(&runs, rows, file))?,
    };
    for note in missing.iter().chain(&notes) {
        warn(note);
    }
    if let Some(path) = &args.out {
        print_line(&format!("{}: {rows} rows", path.display()));
    }
    Ok(if damaged > 0 { ExitCode::RunFailed } else { ExitCode::Done })
}
