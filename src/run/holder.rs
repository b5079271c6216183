//! Who has the lock of a run, and whether that process is alive.

use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::records::{RunDir, host_name, now};

/// A holder on another machine that has said nothing for so long is dead.
pub(super) const STALE: Duration = Duration::from_secs(90);

/// More bytes than a holder needs; the file may hold anything.
const LONGEST: u64 = 4096;

/// Who has a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
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

impl Holder {
    pub(super) fn me() -> Self {
        // Seeded by the system for every map; the clock and the process keep forked twins apart.
        let mut random = std::hash::RandomState::new().build_hasher();
        random.write_u128(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos()));
        random.write_u32(std::process::id());
        Holder {
            host: host_name(),
            pid: std::process::id(),
            since: now(),
            boot: boot(),
            token: format!("{:016x}", random.finish()),
        }
    }

    fn is_on_this_machine(&self) -> bool {
        self.host.is_some() && self.host == host_name() && self.boot == boot()
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host.as_deref().unwrap_or("an unnamed machine"))
    }
}

fn boot() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|text| text.trim().to_owned())
}

/// What a lock file says.
#[derive(Debug, PartialEq)]
pub(super) enum Judged {
    /// There is none.
    Gone,
    /// Somebody works; unreadable is somebody who has just begun.
    Alive(Option<Holder>),
    /// Its holder is dead, who wrote this.
    Dead(Vec<u8>),
}

/// Who is working on the run in `dir`, if anybody is.
pub fn holder(dir: &RunDir) -> Option<Holder> {
    match judge(&dir.lock(), SystemTime::now()) {
        Judged::Alive(holder) => holder,
        Judged::Gone | Judged::Dead(_) => None,
    }
}

/// Judges the lock at `path` at the time `now`, which is best the file system's own.
pub(super) fn judge(path: &Path, now: SystemTime) -> Judged {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Judged::Gone,
        Err(_) => return Judged::Alive(None),
    };
    let Some(content) = content(&mut file) else { return Judged::Alive(None) };
    let holder: Option<Holder> = serde_json::from_slice(&content).ok();
    if holder.as_ref().is_some_and(Holder::is_on_this_machine) {
        match file.try_lock_shared() {
            Ok(()) => return Judged::Dead(content),
            Err(std::fs::TryLockError::WouldBlock) => return Judged::Alive(holder),
            // A file system without locks: the beat must tell.
            Err(std::fs::TryLockError::Error(_)) => {}
        }
    }
    let age = file.metadata().and_then(|m| m.modified()).ok().and_then(|t| now.duration_since(t).ok());
    if age.is_some_and(|age| age > STALE) { Judged::Dead(content) } else { Judged::Alive(holder) }
}

fn content(file: &mut File) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

pub(super) fn content_at(path: &Path) -> Option<Vec<u8>> {
    content(&mut File::open(path).ok()?)
}

pub(super) fn holder_at(path: &Path) -> Option<Holder> {
    serde_json::from_slice(&content_at(path)?).ok()
}

/// Whether the lock at `path` is that of `token`.
pub(super) fn is_at(path: &Path, token: &str) -> bool {
    holder_at(path).is_some_and(|holder| holder.token == token)
}
