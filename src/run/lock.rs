//! One process a run, on one machine or on many that share a file system.
//!
//! The lock is the file `.lock.N` with the largest N, its generation. It names its owner: host, process, a token. It comes
//! into being whole (a link of a finished file); its owner rewrites it every [`HEARTBEAT`], and takes an advisory lock on
//! it, which the system drops when the process dies.
//!
//! A lock is stale if its owner was on this machine and the advisory lock is free, or if the file has not been rewritten
//! for [`STALE`](super::lock_owner::STALE) by the file system's own clock: between machines advisory locks and clocks are
//! not to be trusted. Taking over `.lock.3` is creating `.lock.4`, which one process alone can do.
//!
//! The generation is a fencing token: an owner that was stopped and comes back finds a later lock, or none, before its next
//! change of a file ([`Fence`]), and stops. `run.json` keeps the generation, so that it never falls.

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};

use super::lock_owner::{LockOwner, LockState, generations, judge};
use crate::error::{Error, Result};
use crate::files::{Disk, Fence};
use crate::records::{Manifest, RunDir};

/// How often an owner says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How often a lock may change hands while it is being taken.
const ATTEMPTS: usize = 50;

/// Removes from a finished run's `dir` the lock and the half-written files of a process that was killed.
pub fn remove_stale_lock(dir: &RunDir) {
    if generations(dir).is_ok_and(|found| !found.is_empty()) || litter(dir).next().is_some() {
        // Taking it over is the one safe way; a living owner removes it itself, and in a directory that cannot be written
        // no process works.
        drop(Lock::take(&Disk::default(), dir));
    }
}

/// A lock in a directory, as its owner knows it.
#[derive(Debug)]
struct Held {
    dir: RunDir,
    generation: u64,
    token: String,
    lost: AtomicBool,
}

impl Held {
    fn path(&self) -> PathBuf {
        self.dir.lock(self.generation)
    }

    fn is_ours(&self) -> bool {
        LockOwner::read(&self.path()).is_some_and(|owner| owner.token == self.token)
    }

    fn is_newest(&self) -> bool {
        generations(&self.dir).is_ok_and(|found| found.into_iter().max() == Some(self.generation))
    }
}

impl Fence for Held {
    fn is_open(&self) -> bool {
        let open = !self.lost.load(Ordering::Relaxed) && self.is_newest() && self.is_ours();
        if !open {
            self.lost.store(true, Ordering::Relaxed);
        }
        open
    }
}

/// Held while a process works on a run.
#[derive(Debug)]
pub(super) struct Lock {
    held: Arc<Held>,
    disk: Disk,
    /// Keeps the system's lock.
    _file: Arc<File>,
    /// Dropped to end the heartbeat.
    _heartbeat: Sender<()>,
}

impl Lock {
    /// Takes the run, or says who has it.
    ///
    /// # Errors
    /// [`Error::Busy`] where a living process has it, [`Error::Io`] where the directory cannot be written, [`Error::Run`]
    /// where something that is no lock is in the way.
    pub(super) fn take(disk: &Disk, dir: &RunDir) -> Result<Self> {
        let me = LockOwner::this_process();
        let draft = dir.path().join(format!(".lock.{}.tmp", me.token));
        let taken = take(disk, dir, &me, &draft);
        // Where it was linked it has another name; elsewhere it is of no use any more.
        let _ = disk.remove(&draft);
        let (file, generation) = taken?;
        let held = Held { dir: dir.clone(), generation, token: me.token.clone(), lost: AtomicBool::new(false) };
        Lock::hold(disk, held, &me, file)
    }

    fn hold(disk: &Disk, held: Held, me: &LockOwner, file: File) -> Result<Self> {
        let held = Arc::new(held);
        let (end, ended) = channel::<()>();
        let heartbeat = Arc::clone(&held);
        // Made before the thread: if that cannot start, dropping this gives the run back.
        let path = held.path();
        let file = Arc::new(file);
        // The system's lock goes with the lock, not with the thread that notices its end a moment later.
        let beating = Arc::downgrade(&file);
        let lock = Lock { held, disk: disk.clone(), _file: file, _heartbeat: end };
        let content = serde_json::to_vec(me).map_err(|e| Error::Run(format!("{}: {e}", path.display())))?;
        let beat = move || {
            while ended.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout) {
                if !heartbeat.is_open() {
                    return;
                }
                // The same bytes in the same place: a reader never sees half of them. A heartbeat that cannot be written
                // is one that others miss, no more.
                let Some(file) = beating.upgrade() else { return };
                let mut file = &*file;
                let _ = file
                    .seek(SeekFrom::Start(0))
                    .and_then(|_| file.write_all(&content))
                    .and_then(|()| file.sync_data());
            }
        };
        std::thread::Builder::new().name("heartbeat".to_owned()).spawn(beat).map_err(|e| {
            Error::Run(format!(
                "{}: the heartbeat of the run's lock needs a thread, and none can be started ({e}); allow more processes \
                 (ulimit -u) and run the same command again",
                lock.held.dir.path().display()
            ))
        })?;
        lock.sweep();
        Ok(lock)
    }

    /// The generation: larger than that of every earlier owner.
    pub(super) fn generation(&self) -> u64 {
        self.held.generation
    }

    /// The disk for all changes of this run: each fails once the lock is lost.
    pub(super) fn disk(&self) -> Disk {
        self.disk.behind(self.held.clone())
    }

    /// Whether the last look found the lock in other hands.
    pub(super) fn is_lost(&self) -> bool {
        self.held.lost.load(Ordering::Relaxed)
    }

    /// Whether the run is still ours.
    ///
    /// # Errors
    /// [`Error::Busy`] where it is not: nothing more may be written.
    pub(super) fn check(&self) -> Result<()> {
        if self.held.is_open() {
            return Ok(());
        }
        let dir = &self.held.dir;
        let newest = generations(dir).ok().and_then(|found| found.into_iter().max());
        Err(match newest.filter(|&newest| newest > self.held.generation) {
            Some(newest) => busy(dir, newest, LockOwner::read(&dir.lock(newest)).as_ref()),
            None => Error::Busy(format!(
                "{}: the lock of this run was lost: another process took it over and has ended, or {} was removed; run the \
                 same command again",
                dir.path().display(),
                self.held.path().display()
            )),
        })
    }

    /// Removes earlier locks, and what processes that were killed while they wrote have left.
    fn sweep(&self) {
        let (dir, disk) = (&self.held.dir, self.disk());
        for earlier in generations(dir).unwrap_or_default().into_iter().filter(|&g| g < self.held.generation) {
            let _ = disk.remove(&dir.lock(earlier));
        }
        for path in litter(dir) {
            let _ = disk.remove(&path);
        }
    }
}

impl Drop for Lock {
    /// Gives the run back and leaves no file behind.
    fn drop(&mut self) {
        if self.held.is_ours() {
            let _ = self.disk.remove(&self.held.path());
        }
    }
}

/// What processes that were killed while they wrote have left in `dir`.
fn litter(dir: &RunDir) -> impl Iterator<Item = PathBuf> {
    let folders = [dir.path().to_owned(), dir.checkpoint_dir()].into_iter().flat_map(std::fs::read_dir);
    folders.flat_map(Iterator::flatten).map(|entry| entry.path()).filter(move |path| dir.is_litter(path))
}

/// Writes `me` into `draft` and gives it the name of the next generation, unless a living process has the run.
fn take(disk: &Disk, dir: &RunDir, me: &LockOwner, draft: &Path) -> Result<(File, u64)> {
    for _ in 0..ATTEMPTS {
        let file = match create(disk, draft, me) {
            // The draft of the attempt before.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                let _ = disk.remove(draft);
                continue;
            }
            file => file.map_err(|e| Error::output(&dir.lock(1), "create", e))?,
        };
        let now = file.metadata().and_then(|m| m.modified()).unwrap_or_else(|_| SystemTime::now());
        let newest = newest_generation(dir)?;
        if let Some(newest) = newest {
            match judge(&dir.lock(newest), now) {
                LockState::Held(owner) => return Err(busy(dir, newest, owner.as_ref())),
                LockState::NotAFile => return Err(in_the_way(dir, newest)),
                LockState::Stale => {}
                LockState::Absent => continue,
            }
        }
        let Some(next) = newest.unwrap_or(0).max(recorded(dir)).checked_add(1) else {
            return Err(in_the_way(dir, u64::MAX));
        };
        let Some(file) = publish(disk, dir, next, draft, file, me)? else {
            // Taken in between, or the draft was swept up by one who had it: look again.
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        // Others may have taken and given back this very generation, or a later one, since the look.
        if newest_generation(dir)? == Some(next) && recorded(dir) < next {
            return Ok((file, next));
        }
        let _ = disk.remove(&dir.lock(next));
    }
    Err(busy(dir, newest_generation(dir)?.unwrap_or(0), None))
}

/// Puts the finished `draft` into the place of the lock of generation `next`, unless there is one.
fn publish(disk: &Disk, dir: &RunDir, next: u64, draft: &Path, file: File, me: &LockOwner) -> Result<Option<File>> {
    let path = dir.lock(next);
    match disk.link(draft, &path) {
        Ok(()) => Ok(Some(file)),
        // A network file system may answer the repetition of a request that it had carried out.
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            Ok(LockOwner::read(&path).is_some_and(|owner| owner.token == me.token).then_some(file))
        }
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        // No links here: a file that is made empty and then written.
        Err(_) => match create(disk, &path, me) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(e) => Err(Error::output(&path, "create", e)),
        },
    }
}

/// A new file at `path` with `me` in it and the system's lock on it.
fn create(disk: &Disk, path: &Path, me: &LockOwner) -> std::io::Result<File> {
    let file = disk.create_new(path)?;
    // Where there are no such locks, the heartbeat must do.
    let _ = file.try_lock();
    disk.write(path, &file, &serde_json::to_vec(me)?)?;
    disk.sync(path, &file)?;
    Ok(file)
}

fn newest_generation(dir: &RunDir) -> Result<Option<u64>> {
    let found = generations(dir).map_err(|e| Error::output(dir.path(), "read", e))?;
    Ok(found.into_iter().max())
}

/// The generation of the last owner that wrote `run.json`.
fn recorded(dir: &RunDir) -> u64 {
    Manifest::read(&dir.manifest()).ok().and_then(|manifest| manifest.generation).unwrap_or(0)
}

fn busy(dir: &RunDir, generation: u64, owner: Option<&LockOwner>) -> Error {
    let run = dir.path().display();
    Error::Busy(match owner {
        Some(owner) => format!("{run}: {owner} is working on this run; wait for it, or stop it"),
        None => format!(
            "{run}: another process is working on this run; wait for it, or remove {} if there is none",
            dir.lock(generation).display()
        ),
    })
}

fn in_the_way(dir: &RunDir, generation: u64) -> Error {
    Error::Run(format!(
        "{}: in the place of this run's lock, and no lock of this program; remove it",
        dir.lock(generation).display()
    ))
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
