//! The runs in directories, and those that a plan names and that are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::plan::plans_in;
use crate::error::{Error, Result};
use crate::records::RunDir;

/// Runs that one sentence names.
const NAMED: usize = 5;

/// The run directories under `paths`: each path is one, or a directory that holds some. Sorted by name.
///
/// # Errors
/// [`Error::Run`] for a path that is neither, and that no sweep has left a plan in.
pub fn find_runs(paths: &[PathBuf]) -> Result<Vec<RunDir>> {
    let mut runs = Vec::new();
    for path in paths {
        if RunDir::new(path).manifest().is_file() {
            runs.push(RunDir::new(path));
            continue;
        }
        let entries = std::fs::read_dir(path).map_err(|e| Error::input(path, "read", e))?;
        let before = runs.len();
        for entry in entries {
            let entry = entry.map_err(|e| Error::input(path, "read", e))?.path();
            if RunDir::new(&entry).manifest().is_file() {
                runs.push(RunDir::new(entry));
            }
        }
        if runs.len() == before && plans_in(path)?.is_empty() {
            return Err(Error::Run(format!(
                "{}: no run in it (a run has a run.json); name run directories, or the directory that holds them",
                path.display()
            )));
        }
    }
    runs.sort_by(|a, b| run_name(a.path()).cmp(&run_name(b.path())).then_with(|| a.path().cmp(b.path())));
    runs.dedup();
    Ok(runs)
}

/// The name of the run whose directory is at `path`.
pub fn run_name(path: &Path) -> String {
    // `.` has a name too, once it is written out.
    let written_out = || std::fs::canonicalize(path).ok()?.file_name().map(|n| n.to_string_lossy().into_owned());
    path.file_name().map(|n| n.to_string_lossy().into_owned()).or_else(written_out).unwrap_or_default()
}

/// Sentences about the runs that sweeps have planned in the directories `paths` and that are not among `runs`.
///
/// # Errors
/// [`Error::Run`] for a plan that is damaged.
pub fn missing(paths: &[PathBuf], runs: &[RunDir]) -> Result<Vec<String>> {
    let here: BTreeSet<String> = runs.iter().map(|run| run_name(run.path())).collect();
    let mut plans: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in paths {
        for plan in plans_in(path)? {
            plans.entry(plan.name).or_default().extend(plan.runs.into_iter().map(|line| line.run));
        }
    }
    let sentences = plans.into_iter().filter_map(|(plan, planned)| {
        let missing: Vec<&String> = planned.difference(&here).collect();
        (!missing.is_empty()).then(|| {
            let more = missing.len().saturating_sub(NAMED);
            let named = missing.iter().take(NAMED).map(|run| run.as_str()).collect::<Vec<_>>().join(", ");
            format!(
                "{plan}: {} of {} runs are missing: {named}{}",
                missing.len(),
                planned.len(),
                if more > 0 { format!(" and {more} more; `vae-bench status` lists them") } else { String::new() }
            )
        })
    });
    Ok(sentences.collect())
}
