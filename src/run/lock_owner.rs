//! Who owns the lock of a run, and whether that process is alive.

use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::records::{RunDir, host_name, now};

/// A lock held on another machine expires after this long without a heartbeat.
pub(super) const STALE: Duration = Duration::from_secs(90);

/// More bytes than an owner's record needs; the file may hold anything.
const LONGEST: u64 = 4096;

/// The owner of a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOwner {
    /// Its machine.
    pub host: Option<String>,
    /// Its process.
    pub pid: u32,
    /// Since when, UTC.
    pub since: String,
    /// The start of its machine, which tells machines of one name apart.
    pub(super) boot: Option<String>,
    /// Of this lock alone.
    pub(super) token: String,
}

impl LockOwner {
    /// This process, with a new token.
    pub(super) fn this_process() -> Self {
        // Seeded by the system for every map; the clock and the process keep forked twins apart.
        let mut random = std::hash::RandomState::new().build_hasher();
        random.write_u128(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos()));
        random.write_u32(std::process::id());
        LockOwner {
            host: host_name(),
            pid: std::process::id(),
            since: now(),
            boot: boot(),
            token: format!("{:016x}", random.finish()),
        }
    }

    /// The owner named in the lock file at `path`.
    pub(super) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&content(&File::open(path).ok()?)?).ok()
    }

    fn is_on_this_machine(&self) -> bool {
        self.host.is_some() && self.host == host_name() && self.boot == boot()
    }
}

impl std::fmt::Display for LockOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host.as_deref().unwrap_or("an unnamed machine"))
    }
}

fn boot() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|text| text.trim().to_owned())
}

fn content(file: &File) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The state of a lock file.
#[derive(Debug, PartialEq)]
pub(super) enum LockState {
    /// There is no file.
    Absent,
    /// Its owner lives, or may live; none where the file cannot be read, as that of a process that has just begun.
    Held(Option<LockOwner>),
    /// Its owner is dead.
    Stale,
    /// A directory, or anything else that no lock is.
    NotAFile,
}

/// The generations of the locks in `dir`, in no order: 0 for `.lock`, N for `.lock.N`.
pub(super) fn generations(dir: &RunDir) -> std::io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir.path())? {
        let name = entry?.file_name();
        match name.to_str().and_then(|name| name.strip_prefix(".lock")) {
            Some("") => found.push(0),
            Some(rest) => found.extend(rest.strip_prefix('.').and_then(|digits| digits.parse::<u64>().ok())),
            None => {}
        }
    }
    Ok(found)
}

/// The process that works on the run in `dir`, if one does.
pub fn lock_owner(dir: &RunDir) -> Option<LockOwner> {
    let newest = generations(dir).ok()?.into_iter().max()?;
    match judge(&dir.lock(newest), SystemTime::now()) {
        LockState::Held(owner) => owner,
        LockState::Absent | LockState::Stale | LockState::NotAFile => None,
    }
}

/// Judges the lock at `path` at the time `now`, which is best the file system's own.
///
/// A lock that is dated later than a heartbeat can explain (a clock was wrong) is dated `now`: a living owner dates it
/// anew with its next heartbeat, and that of a dead one expires as any other.
pub(super) fn judge(path: &Path, now: SystemTime) -> LockState {
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(e) if e.kind() == ErrorKind::NotFound => return LockState::Absent,
        Err(_) => return LockState::Held(None),
    };
    if !found.is_file() {
        return LockState::NotAFile;
    }
    let file = File::open(path).ok();
    let owner: Option<LockOwner> = file.as_ref().and_then(content).and_then(|text| serde_json::from_slice(&text).ok());
    if let (Some(file), Some(owner)) = (&file, &owner)
        && owner.is_on_this_machine()
    {
        match file.try_lock_shared() {
            Ok(()) => return LockState::Stale,
            Err(std::fs::TryLockError::WouldBlock) => return LockState::Held(Some(owner.clone())),
            // A file system without locks: the heartbeat must tell.
            Err(std::fs::TryLockError::Error(_)) => {}
        }
    }
    let Ok(beat) = found.modified() else { return LockState::Held(owner) };
    if beat.duration_since(now).is_ok_and(|ahead| ahead > STALE) {
        // Where this is forbidden, the message names the file that stands in the way.
        let _ = file.map(|file| file.set_modified(now));
    }
    if now.duration_since(beat).is_ok_and(|age| age > STALE) { LockState::Stale } else { LockState::Held(owner) }
}
