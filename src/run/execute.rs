//! One run from the look at its directory to the record of its end.

use std::sync::atomic::AtomicBool;

use super::existing::{Found, look};
use super::job::{Existing, Finished, Job, Outcome, Started};
use super::lock::{Lock, remove_stale_lock};
use super::progress::Display;
use super::worker::Worker;
use crate::error::{Error, Result};
use crate::files::Disk;
use crate::records::{RunDir, RunRecord};

/// Does `job`, or finds it done; `stop` ends it after the current batch.
///
/// # Errors
/// [`Error::Io`] where the directory cannot be written, [`Error::Busy`] where another process works on it, [`Error::Run`]
/// where it holds another run or a table that was edited. All but `Busy` are noted in the directory, if that can be written.
pub fn execute(job: &Job<'_>, display: &mut dyn Display, stop: &AtomicBool) -> Result<Finished> {
    execute_on(&Disk::default(), job, display, stop)
}

/// [`execute`] on a disk that a test watches.
///
/// # Errors
/// As [`execute`].
pub fn execute_on(disk: &Disk, job: &Job<'_>, display: &mut dyn Display, stop: &AtomicBool) -> Result<Finished> {
    let id = job.spec.run_id(&job.data.digest());
    let dir = RunDir::new(job.out.join(&id));
    if job.existing == Existing::Keep {
        match look(&dir, job)? {
            Found::Finished(outcome) => {
                remove_stale_lock(&dir);
                let record = RunRecord::read(&dir)?;
                return Ok(Finished { dir, record, outcome, started: Started::Finished });
            }
            Found::Damaged(why) => display.warn(&format!("{why}; going on from the checkpoint, or from the beginning")),
            Found::Unfinished => {}
        }
    }
    let (outcome, started) = attempt(disk, job, &id, &dir, display, stop)?;
    Ok(Finished { record: RunRecord::read(&dir)?, dir, outcome, started })
}

fn attempt(
    disk: &Disk,
    job: &Job<'_>,
    id: &str,
    dir: &RunDir,
    display: &mut dyn Display,
    stop: &AtomicBool,
) -> Result<(Outcome, Started)> {
    for path in [dir.path().to_owned(), dir.checkpoint_dir()] {
        disk.create_dirs(&path).map_err(|e| Error::output(&path, "create", e))?;
    }
    let lock = Lock::take(disk, dir).inspect_err(|why| note(disk, dir, why))?;
    let done = with_lock(job, id, dir, &lock, display, stop);
    if let Err(why) = &done {
        // The true reason for a late change that failed.
        lock.check()?;
        note(&lock.disk(), dir, why);
    }
    done
}

fn with_lock(
    job: &Job<'_>,
    id: &str,
    dir: &RunDir,
    lock: &Lock,
    display: &mut dyn Display,
    stop: &AtomicBool,
) -> Result<(Outcome, Started)> {
    // Another process may have finished it between the look and the lock.
    if let (Existing::Keep, Found::Finished(outcome)) = (job.existing, look(dir, job)?) {
        return Ok((outcome, Started::Finished));
    }
    if dir.failure().exists() {
        let _ = lock.disk().remove(&dir.failure());
    }
    let (outcome, started) = Worker::new(job, id, dir, lock)?.work(display, stop)?;
    // A lock that was lost stops the training as a signal does.
    lock.check()?;
    Ok((outcome, started))
}

/// Notes in `dir` why the attempt failed; where even this cannot be written, the caller's report must do.
fn note(disk: &Disk, dir: &RunDir, why: &Error) {
    match why {
        Error::Busy(_) => {}
        why => {
            let _ = disk.replace(&dir.failure(), format!("{why}\n").as_bytes());
        }
    }
}
