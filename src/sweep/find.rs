//! The runs in directories, and those that a plan names and that are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::plan::plans_in;
use crate::error::{Error, Result};
use crate::records::RunDir;
use crate::text::nearest;

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

/// The directory of the run that `path` names: itself where it exists; else the one run whose name begins so, or whose hash
/// does, in the directory before the last `/`, which is `out` where there is none.
///
/// # Errors
/// [`Error::Run`] where no run is called so, or several are, which are named.
pub fn named_run(path: &Path, out: &Path) -> Result<PathBuf> {
    /// Fewer letters of a hash are no name.
    const LEAST: usize = 4;
    if path.exists() {
        return Ok(path.to_owned());
    }
    let (Some(name), Some(parent)) = (path.file_name().and_then(|name| name.to_str()), path.parent()) else {
        return Ok(path.to_owned());
    };
    let parent = if parent.as_os_str().is_empty() { out } else { parent };
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut all: Vec<String> = entries
        .filter(|entry| RunDir::new(entry.path()).manifest().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    all.sort();
    let is_hash =
        |run: &str| run.rsplit_once('-').is_some_and(|(_, hash)| name.len() >= LEAST && hash.starts_with(name));
    let meant: Vec<&String> = all.iter().filter(|run| run.starts_with(name) || is_hash(run)).collect();
    match meant.as_slice() {
        [only] => Ok(parent.join(only)),
        [] if all.is_empty() => Err(Error::Run(format!(
            "{}: no such file or directory; name a run, or a directory that holds runs",
            path.display()
        ))),
        [] => {
            let hint = match nearest(name, all.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near}?"),
                None => "`vae-bench ls` lists the runs of a directory".to_owned(),
            };
            Err(Error::Run(format!(
                "{}: no such file or directory, and no run in {} is called so; {hint}",
                path.display(),
                parent.display()
            )))
        }
        several => {
            let more = several.len().saturating_sub(NAMED);
            let named = several.iter().take(NAMED).map(|run| run.as_str()).collect::<Vec<_>>().join(", ");
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            Err(Error::Run(format!(
                "{}: {} runs in {} are called so: {named}{more}; write more of the name",
                path.display(),
                several.len(),
                parent.display()
            )))
        }
    }
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
