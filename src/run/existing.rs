//! What lies in a run's directory before it is begun: this run or another, finished or not, whole or damaged.

use super::job::{Job, Outcome};
use crate::error::{Error, Result};
use crate::files::{MOST_TEXT, read_regular};
use crate::records::{Extent, Manifest, RunDir, Status, check_content, check_files, first_failure};
use crate::spec::{RunSpec, Settings};

/// What is found in the directory of a run.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing, or a run under way or killed.
    Unfinished,
    /// The finished run, whose files are all as it wrote them.
    Finished(Outcome),
    /// The finished run, of which a file is missing or changed: why.
    Damaged(String),
}

/// Looks at the directory of `job`.
///
/// # Errors
/// [`Error::Run`] where it holds another run.
pub(super) fn look(dir: &RunDir, job: &Job<'_>) -> Result<Found> {
    let manifest = match Manifest::read(&dir.manifest()) {
        Ok(manifest) => manifest,
        Err(_) if !dir.manifest().exists() => return Ok(Found::Unfinished),
        Err(why) => return Ok(Found::Damaged(format!("{}: {why}", dir.manifest().display()))),
    };
    let config = check_config(dir, job, &manifest)?;
    let outcome = match manifest.status {
        Status::Completed => Outcome::Completed,
        Status::Diverged => Outcome::Diverged,
        Status::Running | Status::Interrupted => return Ok(Found::Unfinished),
    };
    let checked = check_files(dir, &manifest, Extent::All);
    Ok(match first_failure(dir, &checked).and(config) {
        Ok(()) => Found::Finished(outcome),
        Err(why) => Found::Damaged(why),
    })
}

/// Whether `config.toml` holds the settings of `job`: why not, where it is damaged.
///
/// # Errors
/// [`Error::Run`] where it is whole and holds those of another run, whose name is the same by chance.
pub(super) fn check_config(dir: &RunDir, job: &Job<'_>, manifest: &Manifest) -> Result<Result<(), String>> {
    let path = dir.config();
    let damaged = |why: &dyn std::fmt::Display| Ok(Err(format!("{}: {why}", path.display())));
    let text = match read_regular(&path, MOST_TEXT) {
        Ok(text) => text,
        Err(e) => return damaged(&e),
    };
    if let Err(why) = check_content(manifest, "config.toml", &text) {
        return damaged(&why);
    }
    let settings = match Settings::parse(&String::from_utf8_lossy(&text)) {
        Ok(settings) => settings,
        Err(why) => return damaged(&why),
    };
    match RunSpec::resolve(&settings) {
        Err(why) => damaged(&why),
        Ok(spec) if spec == *job.spec && manifest.data.files == job.data.files => Ok(Ok(())),
        Ok(_) => Err(Error::Run(format!(
            "{}: holds another run, whose name is the same by chance (see its config.toml); name another directory with \
             --out",
            dir.path().display()
        ))),
    }
}
