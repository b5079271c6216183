//! The flags of a run and of a sweep that determine no result: where, on what, and what is shown.

use std::path::PathBuf;

use clap::Args;

use super::display::Style;
use super::threads::threads;
use crate::device::DeviceChoice;
use crate::error::Result;
use crate::records::{Host, Labels, RunDir, host_name};

/// Where runs are written, what computes them, and what is shown meanwhile.
#[derive(Clone, Debug, Args)]
pub struct RunningArgs {
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
    /// Threads of each run; results are bit-identical for any number [default: all processors; in a sweep, processors / --jobs]
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
    /// Label each run with a word to find it by (`ls --filter tag=WORD`); may be repeated
    #[arg(long, value_name = "WORD", help_heading = "Running")]
    pub tag: Vec<String>,
    /// A sentence about the runs, which `show` repeats
    #[arg(long, value_name = "TEXT", help_heading = "Running")]
    pub note: Option<String>,
    /// Record the name of this machine in run.json; without it, only its processor and system
    #[arg(long, help_heading = "Running")]
    pub record_host: bool,
    /// No progress on stderr
    #[arg(long, short, help_heading = "Running")]
    pub quiet: bool,
    /// JSON on stdout: one object per row, and one for the end (docs/json.md)
    #[arg(long, help_heading = "Running")]
    pub json: bool,
}

impl RunningArgs {
    /// Labels the run in `dir` as asked.
    pub(super) fn label(&self, dir: &RunDir) -> Result<()> {
        if self.tag.is_empty() && self.note.is_none() {
            return Ok(());
        }
        Labels::add(dir, &self.tag, self.note.as_deref())
    }

    /// This machine as `run.json` records it.
    pub(super) fn host(&self) -> Host {
        Host::current(self.record_host.then(host_name).flatten())
    }

    /// How progress is shown: JSON is as quiet as it can be.
    pub(super) fn style(&self) -> Style {
        match (self.json, self.quiet) {
            (true, _) => Style::Json,
            (false, true) => Style::Quiet,
            (false, false) => Style::Auto,
        }
    }
}

/// The command as typed, to be recorded beside the run and shared with it: the program without its directory, and `~` for the
/// user's home.
pub(super) fn recorded_argv() -> Vec<String> {
    let home = std::env::var("HOME").ok().filter(|home| home.len() > 1);
    let mut words = std::env::args_os();
    let program = words.next().map(PathBuf::from);
    let program = program.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    let shared = |word: std::ffi::OsString| {
        let word = word.to_string_lossy().into_owned();
        match &home {
            Some(home) => word.replace(&format!("{home}/"), "~/"),
            None => word,
        }
    };
    program.into_iter().chain(words.map(shared)).collect()
}
