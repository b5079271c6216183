//! `vae-bench merge`: many runs in one tidy table.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;

use super::run_names::named;
use crate::error::{Error, ExitCode, Result};
use crate::files::write_atomically_with;
use crate::records::RunDir;
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
    /// Leave out the columns that have no value in any row
    #[arg(long)]
    pub drop_empty: bool,
}

/// Merges the runs of `args.runs`.
pub(super) fn run(args: &MergeArgs) -> Result<ExitCode> {
    let rows = match (args.mean, args.only_final) {
        (true, _) => Rows::Mean,
        (false, true) => Rows::Each(RowChoice::Final),
        (false, false) => Rows::Each(RowChoice::All),
    };
    let paths = named(&args.runs)?;
    let runs = find_runs(&paths)?;
    let missing = missing(&paths, &runs)?;
    let Merged { rows, damaged, notes } = match &args.out {
        None => merged(args, &runs, rows, &mut BufWriter::new(Results))?,
        Some(path) => write_atomically_with(path, |file| merged(args, &runs, rows, file))?,
    };
    for note in missing.iter().chain(&notes) {
        warn(note);
    }
    if let Some(path) = &args.out {
        print_line(&format!("{}: {rows} rows", path.display()));
    }
    Ok(if damaged > 0 { ExitCode::RunFailed } else { ExitCode::Done })
}

/// Writes the table of `runs` as `args` want it.
fn merged(args: &MergeArgs, runs: &[RunDir], rows: Rows, to: &mut dyn Write) -> Result<Merged> {
    if !args.drop_empty {
        return merge(runs, rows, to);
    }
    let mut table = Vec::new();
    let done = merge(runs, rows, &mut table)?;
    let failed = |e: &dyn std::fmt::Display| Error::Run(format!("the table cannot be written ({e})"));
    without_empty_columns(&table, to).map_err(|e| failed(&e))?;
    to.flush().map_err(|e| failed(&e))?;
    Ok(done)
}

/// Writes the CSV `table` without the columns whose cells are all empty.
fn without_empty_columns(table: &[u8], to: &mut dyn Write) -> csv::Result<()> {
    let read = || csv::ReaderBuilder::new().has_headers(false).from_reader(table);
    let mut used: Vec<bool> = Vec::new();
    for row in read().records().skip(1) {
        let row = row?;
        used.resize(row.len(), false);
        row.iter().zip(&mut used).for_each(|(cell, used)| *used |= !cell.is_empty());
    }
    let mut writer = csv::Writer::from_writer(to);
    for row in read().records() {
        let row = row?;
        writer.write_record(
            row.iter()
                .zip(used.iter().chain(std::iter::repeat(&true)))
                .filter(|(_, used)| **used)
                .map(|(cell, _)| cell),
        )?;
    }
    writer.flush()?;
    Ok(())
}
