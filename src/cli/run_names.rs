//! Runs as they are named on a command line: a directory, the name of a run, or the beginning of its name.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::Result;
use crate::records::RunDir;
use crate::sweep::named_run;

/// Where runs are looked up by name.
#[derive(Clone, Debug, Args)]
pub struct RunsIn {
    /// Directory in which runs are looked up by name
    #[arg(long, value_name = "DIR", default_value = "results/runs", env = "VAE_BENCH_OUT", hide_env = true)]
    pub out: PathBuf,
}

impl RunsIn {
    /// The run that `name` names.
    ///
    /// # Errors
    /// No run, or several, of this name.
    pub(super) fn find(&self, name: &Path) -> Result<RunDir> {
        Ok(RunDir::new(named_run(name, &self.out)?))
    }
}

/// The paths that `names` name, for commands whose --out is something else: looked up in VAE_BENCH_OUT or results/runs.
pub(super) fn named(names: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let out = std::env::var_os("VAE_BENCH_OUT").filter(|out| !out.is_empty());
    let out = out.map_or_else(|| PathBuf::from("results/runs"), PathBuf::from);
    names.iter().map(|name| named_run(name, &out)).collect()
}
