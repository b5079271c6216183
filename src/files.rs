//! Files written so that nobody ever reads half of one.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{Error, Result};

/// Writes `bytes` to `path` so that a reader sees the old file or the new one, never a part.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomically_with(path, |file| file.write_all(bytes).map_err(|e| Error::output(path, "write", e)))
}

/// Writes what `fill` gives to `path` piece by piece, so that a reader sees the old file or the new one, never a part.
///
/// # Errors
/// What `fill` says, and [`Error::Io`] where the file cannot be made or renamed.
pub fn write_atomically_with<T>(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let mut temporary = path.as_os_str().to_owned();
    // Processes of two machines may have one number: the clock keeps them apart.
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    temporary.push(format!(".{}-{clock}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let failed = |e| Error::output(path, "write", e);
    let write = || -> Result<T> {
        let mut file = BufWriter::new(File::create(&temporary).map_err(failed)?);
        let filled = fill(&mut file)?;
        file.into_inner().map_err(|e| e.into_error()).and_then(|file| file.sync_all()).map_err(failed)?;
        std::fs::rename(&temporary, path).map_err(failed)?;
        Ok(filled)
    };
    write().inspect_err(|_| {
        // The first error is the one to report; a leftover is only untidy.
        let _ = std::fs::remove_file(&temporary);
    })
}
