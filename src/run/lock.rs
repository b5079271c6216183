//! One process a run: an advisory lock that the system drops when its holder dies.

use std::fs::{File, TryLockError};

use crate::error::{Error, Result};
use crate::records::RunDir;

/// Held while a process works on a run.
pub(super) struct Lock {
    file: File,
    path: std::path::PathBuf,
}

impl Lock {
    /// Takes the run, or says who has it.
    pub(super) fn take(dir: &RunDir) -> Result<Self> {
        let path = dir.lock();
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| Error::output(&path, "create", e))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { file, path }),
            Err(TryLockError::WouldBlock) => Err(Error::Run(format!(
                "{}: another process is working on this run; wait for it, or stop it",
                dir.path().display()
            ))),
            // A file system without locks is no reason not to run.
            Err(TryLockError::Error(_)) => Ok(Lock { file, path }),
        }
    }

    /// Gives the run back and leaves no file behind.
    pub(super) fn release(self) {
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}
