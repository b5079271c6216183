//! Where a run stands, from what is on disk alone.

use crate::files::{MOST_TEXT, read_regular};
use crate::records::{Extent, Manifest, RunDir, Status, check_files, first_failure};
use crate::run::{LockOwner, lock_owner};
use crate::verdict::Verdict;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The run was never begun.
    Pending,
    /// Begun and stopped; the next sweep resumes it.
    Unfinished,
    /// A process is working on it.
    Running(LockOwner),
    /// All epochs are done.
    Done,
    /// The objective became infinite or NaN; why.
    Diverged(String),
    /// The last attempt failed; why. The next sweep tries again.
    Failed(String),
}

impl State {
    /// The state of the run in `dir`.
    pub fn of(dir: &RunDir) -> Self {
        // One system call for runs that were never begun, which are most.
        if !dir.path().exists() {
            return State::Pending;
        }
        if let Ok(manifest) = Manifest::read(&dir.manifest()) {
            // A finished run is believed only with its tables; the next sweep makes it whole, or says why it cannot.
            match manifest.status {
                Status::Completed | Status::Diverged => {
                    if let Err(why) = first_failure(dir, &check_files(dir, &manifest, Extent::Tables)) {
                        return State::Failed(why);
                    }
                }
                Status::Running | Status::Interrupted => {}
            }
            match (manifest.status, manifest.verdict) {
                (Status::Completed, _) => return State::Done,
                (Status::Diverged, Some(Verdict { diverged_in: Some(epoch), .. })) => {
                    return State::Diverged(diverged(epoch));
                }
                (Status::Diverged, _) => return State::Diverged("diverged".to_owned()),
                (Status::Running | Status::Interrupted, _) => {}
            }
        }
        if let Some(owner) = lock_owner(dir) {
            return State::Running(owner);
        }
        if let Ok(why) = read_regular(&dir.failure(), MOST_TEXT) {
            return State::Failed(String::from_utf8_lossy(&why).lines().next().unwrap_or("no reason given").to_owned());
        }
        if dir.metrics().is_file() { State::Unfinished } else { State::Pending }
    }

    /// The state in one word.
    pub fn word(&self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Unfinished => "unfinished",
            State::Running(_) => "running",
            State::Done => "done",
            State::Diverged(_) => "diverged",
            State::Failed(_) => "failed",
        }
    }

    /// Why it failed, or which process is working on it.
    pub fn reason(&self) -> Option<String> {
        match self {
            State::Diverged(why) | State::Failed(why) => Some(why.clone()),
            State::Running(owner) => Some(format!("{owner} since {}", owner.since)),
            State::Pending | State::Unfinished | State::Done => None,
        }
    }
}

/// Why a run that diverged has failed.
pub(super) fn diverged(epoch: u32) -> String {
    format!("diverged: the objective became infinite or NaN in epoch {epoch}; try a smaller lr")
}

/// The last epoch in the table of the run in `dir`: 0 for none.
pub fn epochs_done(dir: &RunDir) -> u32 {
    let Ok(text) = read_regular(&dir.metrics(), MOST_TEXT) else { return 0 };
    let text = String::from_utf8_lossy(&text);
    // A line that is being written may be cut off.
    let complete = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
    complete.lines().last().and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
}
