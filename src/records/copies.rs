//! One run in several directories: copies, of which one is enough, or results that contradict each other.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::RunDir;
use super::manifest::{Manifest, Status};
use crate::error::{Error, Result};
use crate::files::{MOST_TEXT, read_regular};

/// Runs that one sentence names.
const NAMED: usize = 5;

/// Run directories of which no two hold the same run.
#[derive(Clone, Debug, Default)]
pub struct OneOfEach {
    /// In their order.
    pub runs: Vec<RunDir>,
    /// A sentence about the copies that are not among them.
    pub notes: Vec<String>,
}

/// One directory for each run of `dirs`: a finished one where there is one.
///
/// # Errors
/// [`Error::Run`] where two finished copies of one run have other rows; both are named.
pub fn one_of_each(dirs: &[RunDir]) -> Result<OneOfEach> {
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut known = HashSet::new();
    for (i, dir) in dirs.iter().enumerate() {
        // One directory by two paths is no copy.
        if known.insert(std::fs::canonicalize(dir.path()).unwrap_or_else(|_| dir.path().to_owned())) {
            by_name.entry(name(dir.path())).or_default().push(i);
        }
    }
    let mut kept = HashSet::new();
    let mut copied = Vec::new();
    for (run, places) in by_name {
        if let [only] = places[..] {
            kept.insert(only);
            continue;
        }
        let finished: Vec<usize> = places.iter().copied().filter(|&i| is_finished(&dirs[i])).collect();
        if let [first, rest @ ..] = &finished[..] {
            for other in rest {
                must_be_equal(&run, &dirs[*first], &dirs[*other])?;
            }
            if !rest.is_empty() {
                copied.push(format!("{run} (that in {} is used)", dirs[*first].path().display()));
            }
        }
        kept.insert(*finished.first().unwrap_or(&places[0]));
    }
    let more = copied.len().saturating_sub(NAMED);
    let notes = (!copied.is_empty()).then(|| {
        format!(
            "{} lie in several directories with the same rows, and one of each is used: {}{}",
            if copied.len() == 1 { "copies of one run".to_owned() } else { format!("copies of {} runs", copied.len()) },
            copied[..copied.len() - more].join(", "),
            if more > 0 { format!(" and {more} more") } else { String::new() }
        )
    });
    let runs = dirs.iter().enumerate().filter(|(i, _)| kept.contains(i)).map(|(_, dir)| dir.clone()).collect();
    Ok(OneOfEach { runs, notes: notes.into_iter().collect() })
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

fn is_finished(dir: &RunDir) -> bool {
    Manifest::read(&dir.manifest()).is_ok_and(|manifest| match manifest.status {
        Status::Completed | Status::Diverged => true,
        Status::Running | Status::Interrupted => false,
    })
}

fn must_be_equal(run: &str, one: &RunDir, other: &RunDir) -> Result<()> {
    let rows =
        |dir: &RunDir| read_regular(&dir.metrics(), MOST_TEXT).map_err(|e| Error::input(&dir.metrics(), "read", e));
    if rows(one)? == rows(other)? {
        return Ok(());
    }
    Err(Error::Run(format!(
        "run {run} has other rows in {} than in {}; find out which one is right and name that alone",
        one.metrics().display(),
        other.metrics().display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_directory_by_two_paths_is_no_copy() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(place.path().join("out/a")).unwrap();
        let dirs = ["out/a", "out/../out/a"].map(|path| RunDir::new(place.path().join(path)));
        let found = one_of_each(&dirs).unwrap();
        assert_eq!((found.runs.as_slice(), found.notes.len()), (&dirs[..1], 0));
    }
}
