//! Reading within bounds, and the few operations through which files are changed, so that every reader sees a whole file, a
//! power cut leaves one, and a test can record, stop and fail each operation.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::error::{Error, Result};

/// Larger tables, records and files of settings than this are not read: a table of a million epochs fits.
pub const MOST_TEXT: u64 = 1 << 30;

/// Larger files of weights than this are not read.
pub const MOST_WEIGHTS: u64 = 64 << 30;

/// What the file or pipe at `path` holds, if these are at most `most` bytes.
///
/// # Errors
/// Where it cannot be read, and [`ErrorKind::FileTooLarge`] for a file, or a device without an end, that holds more.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::new(ErrorKind::FileTooLarge, format!("it holds more than {} MiB", most >> 20));
    let file = File::open(path)?;
    if file.metadata()?.len() > most {
        return Err(too_large());
    }
    let mut content = Vec::new();
    file.take(most + 1).read_to_end(&mut content)?;
    if content.len() as u64 > most { Err(too_large()) } else { Ok(content) }
}

/// What the regular file at `path` holds, as [`read_at_most`]: in the directory of a run a pipe would be waited for without
/// end.
///
/// # Errors
/// As [`read_at_most`], and [`ErrorKind::InvalidInput`] where it is no regular file.
pub fn read_regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
    }
    read_at_most(path, most)
}

/// The text of the file or pipe at `path`, as [`read_at_most`].
///
/// # Errors
/// As [`read_at_most`], and [`ErrorKind::InvalidData`] where it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read_at_most(path, MOST_TEXT)?)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

/// A change of a file or directory that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// Create a directory.
    CreateDir(&'a Path),
    /// Create an empty file that does not exist.
    Create(&'a Path),
    /// Open an existing file to append to it.
    Append(&'a Path),
    /// Write these bytes at the end of a file.
    Write {
        /// The file.
        path: &'a Path,
        /// What is written.
        bytes: &'a [u8],
    },
    /// Wait until a file's content is on the disk.
    Sync(&'a Path),
    /// Wait until a directory's entries are on the disk.
    SyncDir(&'a Path),
    /// Give a file another name, replacing the file of that name.
    Rename {
        /// The old name.
        from: &'a Path,
        /// The new name.
        to: &'a Path,
    },
    /// Give a file a second name, which must not exist.
    Link {
        /// The present name.
        from: &'a Path,
        /// The second name.
        to: &'a Path,
    },
    /// Remove a file.
    Remove(&'a Path),
}

/// Called before each operation: a test's way to record it, delay it or let it fail.
pub trait Watch: Send + Sync {
    /// # Errors
    /// The operation is then not made, and fails with this error.
    fn before(&self, operation: Operation<'_>) -> io::Result<()>;
}

/// Permission to change files, asked for before each operation.
pub trait Fence: Send + Sync {
    /// Whether files may still be changed.
    fn is_open(&self) -> bool;
}

/// Where files are changed: the file system, behind a fence or not.
#[derive(Clone, Default)]
pub struct Disk {
    watch: Option<Arc<dyn Watch>>,
    fence: Option<Arc<dyn Fence>>,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").finish_non_exhaustive()
    }
}

impl Disk {
    /// The file system with `watch` before each operation.
    pub fn watched(watch: Arc<dyn Watch>) -> Self {
        Disk { watch: Some(watch), fence: None }
    }

    /// Whether a test looks on: its schedules must not depend on the clock.
    pub fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// The same, but every operation fails once `fence` is closed.
    pub fn behind(&self, fence: Arc<dyn Fence>) -> Self {
        Disk { watch: self.watch.clone(), fence: Some(fence) }
    }

    fn before(&self, operation: Operation<'_>) -> io::Result<()> {
        if self.fence.as_ref().is_some_and(|fence| !fence.is_open()) {
            return Err(io::Error::other("another process has taken over"));
        }
        self.watch.as_ref().map_or(Ok(()), |watch| watch.before(operation))
    }

    /// Creates `path` and the directories above it that are missing, on the disk when this returns.
    pub fn create_dirs(&self, path: &Path) -> io::Result<()> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        let parent = parent(path);
        self.create_dirs(parent)?;
        self.before(Operation::CreateDir(path))?;
        match std::fs::create_dir(path) {
            // Another process was faster.
            Err(e) if e.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            Err(e) => Err(e),
            Ok(()) => self.sync_dir(parent),
        }
    }

    /// Creates an empty file at `path`, which must not exist.
    pub fn create_new(&self, path: &Path) -> io::Result<File> {
        self.before(Operation::Create(path))?;
        File::options().write(true).create_new(true).open(path)
    }

    /// Opens the file at `path` to write at its end.
    pub fn append(&self, path: &Path) -> io::Result<File> {
        self.before(Operation::Append(path))?;
        File::options().append(true).open(path)
    }

    /// Writes `bytes` at the end of `file`, which lies at `path`.
    pub fn write(&self, path: &Path, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        self.before(Operation::Write { path, bytes })?;
        file.write_all(bytes)
    }

    /// Returns when the content of `file`, which lies at `path`, is on the disk.
    pub fn sync(&self, path: &Path, file: &File) -> io::Result<()> {
        self.before(Operation::Sync(path))?;
        file.sync_data()
    }

    /// Returns when the entries of the directory `path` are on the disk, where the system can do that.
    pub fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.before(Operation::SyncDir(path))?;
        #[cfg(unix)]
        match File::open(path).and_then(|dir| dir.sync_all()) {
            // Some network file systems have no such operation.
            Err(e) if !matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => return Err(e),
            Err(_) | Ok(()) => {}
        }
        Ok(())
    }

    /// Renames `from` to `to`.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.before(Operation::Rename { from, to })?;
        std::fs::rename(from, to)
    }

    /// Gives the file `from` the second name `to`, which must not exist.
    pub fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.before(Operation::Link { from, to })?;
        std::fs::hard_link(from, to)
    }

    /// Removes the file `path`.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.before(Operation::Remove(path))?;
        std::fs::remove_file(path)
    }

    /// Writes `bytes` to `path` so that a reader sees the old file or the new one, never a part, and so that the new one is
    /// on the disk when this returns.
    ///
    /// # Errors
    /// [`Error::Io`] with the path and the reason.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let temporary = temporary(path);
        let write = || -> io::Result<()> {
            let file = self.create_new(&temporary)?;
            self.write(&temporary, &file, bytes)?;
            self.sync(&temporary, &file)?;
            self.rename(&temporary, path)
        };
        write().map_err(|e| {
            // The first error is the one to report. The name is this call's own, so no fence is asked.
            let _ = Disk { watch: self.watch.clone(), fence: None }.remove(&temporary);
            Error::output(path, "write", e)
        })?;
        self.sync_dir(parent(path)).map_err(|e| Error::output(path, "write", e))
    }
}

/// Writes `bytes` to `path` as [`Disk::replace`] does.
///
/// # Errors
/// [`Error::Io`] with the path and the reason.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    Disk::default().replace(path, bytes)
}

/// Writes what `fill` gives to `path` piece by piece, so that a reader sees the old file or the new one, never a part.
///
/// # Errors
/// What `fill` says, and [`Error::Io`] where the file cannot be made or renamed.
pub fn write_atomically_with<T>(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let (disk, temporary) = (Disk::default(), temporary(path));
    let failed = |e| Error::output(path, "write", e);
    let write = || -> Result<T> {
        let mut file = BufWriter::new(disk.create_new(&temporary).map_err(failed)?);
        let filled = fill(&mut file)?;
        let file = file.into_inner().map_err(|e| failed(e.into_error()))?;
        disk.sync(&temporary, &file).map_err(failed)?;
        disk.rename(&temporary, path).map_err(failed)?;
        disk.sync_dir(parent(path)).map_err(failed)?;
        Ok(filled)
    };
    write().inspect_err(|_| {
        // The first error is the one to report; a leftover is only untidy.
        let _ = disk.remove(&temporary);
    })
}

/// The directory that holds `path`.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// A name beside `path` that no other call uses.
fn temporary(path: &Path) -> PathBuf {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    // Processes of two machines may have one number: the clock keeps them apart.
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}-{clock:x}-{call}.tmp", std::process::id()));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_has_no_end_is_neither_read_nor_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.csv");
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_eq!(read_at_most(&path, 1 << 20).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read_regular(&path, 1 << 20).unwrap_err().kind(), ErrorKind::InvalidInput);
        std::fs::remove_file(&path).unwrap();
        // As a pipe is: and no child is started for it, which would hold the locks of other tests.
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(read_regular(&path, 1 << 20).unwrap_err().kind(), ErrorKind::InvalidInput);
        std::fs::remove_file(&path).unwrap();
        // A length that the disk does not hold.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read_regular(&path, 1 << 20).unwrap_err().kind(), ErrorKind::FileTooLarge);
        std::fs::write(&path, "rows").unwrap();
        assert_eq!(read_regular(&path, 4).unwrap(), b"rows");
        assert_eq!(read_regular(&path, 3).unwrap_err().to_string(), "it holds more than 0 MiB");
    }
}
