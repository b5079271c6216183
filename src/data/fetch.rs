//! A known data set in the cache: taken from there, or downloaded first, by one process at a time.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::cache;
use super::dataset::Dataset;
use super::directory::{Contents, is_complete, read_dir, verify_file};
use super::fetch_error::FetchError;
#[cfg(feature = "hub")]
use super::hub::Hub;
use super::idx::IdxFile;
use super::known::{HubSource, KnownDataset};
use crate::error::{Error, Result};
use crate::files::write_atomically;

/// How often a process looks whether the download of another one has ended.
const POLL: Duration = Duration::from_millis(50);

/// Longer than any download may take: its process was stopped.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// `known` from the cache, which is filled first where files are missing.
pub(super) fn obtain(known: &'static KnownDataset, stop: &AtomicBool) -> Result<Dataset, FetchError> {
    let dir = cache::dataset_dir(known)?;
    if !is_complete(&dir, known) {
        fill(known, &dir, stop)?;
    }
    Ok(read_dir(&dir, Contents::Known(known))?)
}

/// Downloads `known` and leaves its four IDX files in the cache; files that are there and whole are kept.
///
/// # Errors
/// [`Error::Data`]: no network, offline by wish, or other content than expected; [`Error::Interrupted`] once `stop` is
/// set.
pub fn fetch(known: &'static KnownDataset, stop: &AtomicBool) -> Result<()> {
    Ok(fill(known, &cache::dataset_dir(known)?, stop)?)
}

#[cfg(feature = "hub")]
fn fill(known: &KnownDataset, dir: &Path, stop: &AtomicBool) -> Result<(), FetchError> {
    let hub = Hub::from_env().ok_or_else(|| {
        FetchError::Unreachable(Error::Data(format!(
            "HF_HUB_OFFLINE is set, so {} is not downloaded; unset it, or name the files with --data-dir",
            known.title
        )))
    })?;
    fill_from(known, dir, stop, |source| hub.download(known, source, stop))
}

/// This build cannot download.
#[cfg(not(feature = "hub"))]
fn fill(_known: &KnownDataset, _dir: &Path, _stop: &AtomicBool) -> Result<(), FetchError> {
    Err(FetchError::Unreachable(Error::Data(
        "this build cannot download (feature `hub` is off); name the directory of the four IDX files with --data-dir"
            .into(),
    )))
}

/// Completes the files of `known` in `dir` with what `download` gives, while no other process does the same.
///
/// # Errors
/// Those of `download`; [`FetchError::Failed`] where its content is not that of `known`, where `dir` cannot be written,
/// and once `stop` is set.
pub fn fill_from(
    known: &KnownDataset,
    dir: &Path,
    stop: &AtomicBool,
    download: impl FnOnce(HubSource) -> Result<[IdxFile; 4], FetchError>,
) -> Result<(), FetchError> {
    let source = known.hub.ok_or_else(|| {
        FetchError::Unreachable(Error::Data(format!(
            "there is no download of {}; name the directory of its four files with --data-dir",
            known.title
        )))
    })?;
    std::fs::create_dir_all(dir).map_err(|e| unwritable(dir, e))?;
    let _lock = lock(known, dir, stop)?;
    let is_whole = |file| verify_file(dir, known, file).is_ok();
    // Another process may have downloaded them while this one waited.
    if known.files.iter().all(is_whole) {
        return Ok(());
    }
    let downloaded = download(source)?;
    for (expected, file) in known.files.iter().zip(&downloaded) {
        let found = file.sha256();
        if found != expected.sha256 {
            return Err(FetchError::Failed(Error::Data(format!(
                "the downloaded {} is not {}'s (SHA-256 {}...); get the files elsewhere and name them with --data-dir",
                expected.name,
                known.title,
                &found[..12]
            ))));
        }
    }
    for (expected, file) in known.files.iter().zip(&downloaded).filter(|(expected, _)| !is_whole(expected)) {
        write_atomically(&dir.join(expected.name), &file.bytes())?;
    }
    Ok(())
}

/// The lock on the download of `known` into `dir`, held until it is dropped; the system frees that of a dead process.
///
/// None where the file system has no locks: the files are written in one piece each, so two downloads only cost time.
fn lock(known: &KnownDataset, dir: &Path, stop: &AtomicBool) -> Result<Option<File>> {
    let path = dir.join(".download.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| unwritable(dir, e))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
        }
        if begun.elapsed() < POLL {
            let line = format!("another process is downloading {}; waiting for it", known.title);
            // A reader that has gone away must not stop the download.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted("interrupted while waiting for another process's download".into()));
        }
        if begun.elapsed() > LONGEST_WAIT {
            return Err(Error::Data(format!(
                "{}: another process has been downloading for {}; stop it, or name the directory of the four files with \
                 --data-dir",
                path.display(),
                humantime::format_duration(LONGEST_WAIT)
            )));
        }
        std::thread::sleep(POLL);
    }
}

fn unwritable(dir: &Path, source: std::io::Error) -> Error {
    Error::Data(format!(
        "{}: the cache cannot be written ({}); set XDG_CACHE_HOME, name the files with --data-dir, or use --data synthetic",
        dir.display(),
        source.kind()
    ))
}
