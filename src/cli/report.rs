//! `vae-bench report`: one self-contained page about runs.

use std::path::PathBuf;

use clap::Args;

use super::threads::pool;
use super::watch::{Inputs, Output, repeat};
use crate::error::{ExitCode, Result};
use crate::report::page::page;
use crate::report::run_set::RunSet;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The runs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// The page
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub out: PathBuf,
    /// Title of the page [default: the number of runs]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
}

/// Writes the page.
pub(super) fn run(args: &ReportArgs) -> Result<ExitCode> {
    pool(None)?.install(|| {
        repeat(&args.inputs, |refresh| {
            let (dirs, tables) = args.inputs.sort()?;
            let set = RunSet::read(&dirs, &tables)?;
            let files = vec![(args.out.clone(), page(&set, args.title.as_deref(), refresh).into_bytes())];
            Ok(Output { files, notes: set.notes })
        })
    })
}
