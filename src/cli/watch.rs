//! The runs that `plot` and `report` read, once or again and again under `--watch`.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;

use super::run_names::named;
use super::signals::stop_on_signals;
use crate::error::{ExitCode, Result};
use crate::files::write_atomically;
use crate::records::RunDir;
use crate::report::page::Refresh;
use crate::sweep::find_runs;
use crate::terminal::{print_line, say, warn};

/// Seconds between two looks of `--watch`.
const WATCH_SECONDS: u32 = 3;

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

impl Inputs {
    /// Run directories, and files, which are merged tables.
    pub(super) fn sort(&self) -> Result<(Vec<RunDir>, Vec<PathBuf>)> {
        let (tables, dirs): (Vec<PathBuf>, Vec<PathBuf>) =
            named(&self.runs)?.into_iter().partition(|path| path.is_file());
        let dirs = if dirs.is_empty() { Vec::new() } else { find_runs(&dirs)? };
        Ok((dirs, tables))
    }
}

/// The files that the runs make, and notes about what could not be made.
pub(super) struct Output {
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
    pub(super) notes: Vec<String>,
}

/// Makes and writes once, or again and again until Ctrl-C.
pub(super) fn repeat(inputs: &Inputs, make: impl Fn(Refresh) -> Result<Output>) -> Result<ExitCode> {
    if !inputs.watch {
        let output = make(Refresh::Never)?;
        output.notes.iter().for_each(|note| warn(note));
        for (path, bytes) in &output.files {
            write_atomically(path, bytes)?;
            print_line(&path.display().to_string());
        }
        return Ok(ExitCode::Done);
    }
    let stop = stop_on_signals()?;
    let mut said = Vec::new();
    let mut say_once = |text: String| {
        if !said.contains(&text) {
            say(&text);
            said.push(text);
        }
    };
    say_once(format!("watching; looks again every {WATCH_SECONDS} s, Ctrl-C ends it"));
    loop {
        let last = stop.load(Ordering::Relaxed);
        match make(if last { Refresh::Never } else { Refresh::Every(WATCH_SECONDS) }) {
            Ok(output) => {
                output.notes.iter().for_each(|note| say_once(format!("warning: {note}")));
                for (path, bytes) in &output.files {
                    if std::fs::read(path).ok().as_ref() != Some(bytes) {
                        write_atomically(path, bytes)?;
                        print_line(&path.display().to_string());
                    }
                }
            }
            // Runs that are just being written, or not there yet: there will be another look.
            Err(why) => say_once(format!("waiting: {why}")),
        }
        if last {
            return Ok(ExitCode::Done);
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(WATCH_SECONDS.into()) && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
