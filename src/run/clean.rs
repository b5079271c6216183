//! The checkpoint of a finished run: three quarters of its size, and of use only to a run of more epochs.

use super::lock::Lock;
use crate::error::{Error, Result};
use crate::files::Disk;
use crate::records::{Manifest, RunDir, Status};

/// What becomes of the checkpoint when a run is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishedCheckpoint {
    /// It stays: the same command with more epochs goes on from it.
    Keep,
    /// It goes.
    Drop,
}

/// The size of the checkpoint of the completed run in `dir`; none where there is none, or the run is not completed.
pub fn finished_checkpoint(dir: &RunDir) -> Option<u64> {
    let completed = Manifest::read(&dir.manifest()).is_ok_and(|manifest| manifest.status == Status::Completed);
    let size = std::fs::metadata(dir.checkpoint()).ok().map(|file| file.len());
    size.filter(|_| completed)
}

/// Removes the checkpoint of the completed run in `dir`; gives the bytes that this frees.
///
/// # Errors
/// [`Error::Busy`] where a process works on the run, [`Error::Io`] where the file cannot be removed.
pub fn drop_finished_checkpoint(dir: &RunDir) -> Result<u64> {
    let lock = Lock::take(&Disk::default(), dir)?;
    // Under the lock: another process may have begun the run anew since the look.
    let Some(size) = finished_checkpoint(dir) else { return Ok(0) };
    remove(dir, &lock.disk())?;
    Ok(size)
}

/// Removes the checkpoint of the run in `dir`, which is ours.
pub(super) fn remove(dir: &RunDir, disk: &Disk) -> Result<()> {
    let path = dir.checkpoint();
    if path.is_file() {
        disk.remove(&path).map_err(|e| Error::output(&path, "remove", e))?;
    }
    // An empty directory that stays is only untidy.
    let _ = std::fs::remove_dir(dir.checkpoint_dir());
    Ok(())
}
