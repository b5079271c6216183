//! One process a run, on one machine or on many that share a file system.
//!
//! `.lock` names its holder: host, process, a token. It comes into being whole (a link of a finished file), its holder
//! rewrites it every [`BEAT`], and takes an advisory lock on it, which the system drops when the process dies.
//!
//! A holder is dead if it was on this machine and the advisory lock is free, or if the file has not been rewritten for
//! [`STALE`](super::holder::STALE) by the file system's own clock: between machines advisory locks and clocks are not to be trusted. A dead
//! one's lock is replaced in one rename by whoever holds a second lock, named after the dead one's content: of two takers
//! only one can have that, and one who comes late finds other content in `.lock`. The second lock is taken in the same
//! way, for its holder may die too; no lock of somebody else's is ever removed on the way. A holder that was only asleep
//! finds out at its next beat or epoch, and stops; what it wrote until then are the bytes that the other writes.

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::holder::{Holder, Judged, content_at, holder_at, is_at, judge};
use crate::error::{Error, Result};
use crate::records::RunDir;

/// How often a holder says that it lives.
const BEAT: Duration = Duration::from_secs(10);

/// So many may die in the act of taking over from each other.
const DEEPEST: usize = 4;

/// Removes from a finished run's `dir` the lock of a process that was killed before it could give it back.
pub fn remove_dead_lock(dir: &RunDir) {
    if dir.lock().exists() {
        // Taking it over is the one safe way; a living holder removes it itself, and in a directory that cannot be written
        // nobody works.
        drop(Lock::take(dir));
    }
}

/// What came of putting a lock file into place.
enum Published {
    /// It is there, and ours.
    Ours(File),
    /// Another one was there at this time of the file system.
    Taken(SystemTime),
}

/// `path` with `.token.ending` after it.
fn beside(path: &Path, token: &str, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{token}.{ending}"));
    PathBuf::from(name)
}

/// A new file at `path` with `me` in it and the system's lock on it.
fn create(path: &Path, me: &Holder) -> std::io::Result<File> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    // Where there are no such locks, the beat must do.
    let _ = file.try_lock();
    file.write_all(&serde_json::to_vec(me)?)?;
    file.sync_data()?;
    Ok(file)
}

/// Puts a lock of `me` at `path` unless there is one.
fn publish(path: &Path, me: &Holder) -> std::io::Result<Published> {
    let draft = beside(path, &me.token, "tmp");
    let file = create(&draft, me)?;
    let now = file.metadata().and_then(|m| m.modified()).unwrap_or_else(|_| SystemTime::now());
    let linked = std::fs::hard_link(&draft, path);
    let _ = std::fs::remove_file(&draft);
    match linked {
        Ok(()) => Ok(Published::Ours(file)),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            // A network file system may answer the repetition of a request that it had carried out.
            Ok(if is_at(path, &me.token) { Published::Ours(file) } else { Published::Taken(now) })
        }
        // No links here: a file that is made empty and then written.
        Err(_) => match create(path, me) {
            Ok(file) => Ok(Published::Ours(file)),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(Published::Taken(now)),
            Err(e) => Err(e),
        },
    }
}

/// What came of trying to take a lock.
enum Got {
    /// It is ours.
    Lock(File),
    /// Somebody alive has it.
    Busy(Option<Holder>),
    /// It changed hands while we looked: look again.
    Again,
}

/// Takes the lock at `path` for `me`, from nobody or from a dead one.
fn acquire(path: &Path, me: &Holder, depth: usize) -> std::io::Result<Got> {
    let now = match publish(path, me)? {
        Published::Ours(file) => return Ok(Got::Lock(file)),
        Published::Taken(now) => now,
    };
    let dead = match judge(path, now) {
        Judged::Gone => return Ok(Got::Again),
        Judged::Alive(holder) => return Ok(Got::Busy(holder)),
        Judged::Dead(dead) => dead,
    };
    if depth == DEEPEST {
        return Ok(Got::Again);
    }
    let name: String = Sha256::digest(&dead).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let taking = beside(path, &name, "taking");
    let Got::Lock(_right) = acquire(&taking, me, depth + 1)? else { return Ok(Got::Again) };
    let swapped = swap(path, &dead, me);
    if is_at(&taking, &me.token) {
        let _ = std::fs::remove_file(&taking);
    }
    Ok(swapped?.map_or(Got::Again, Got::Lock))
}

/// Puts a lock of `me` in the place of the `dead` one, if that is still there; only the holder of the right may.
fn swap(path: &Path, dead: &[u8], me: &Holder) -> std::io::Result<Option<File>> {
    if content_at(path).as_deref() != Some(dead) {
        return Ok(None);
    }
    let draft = beside(path, &me.token, "tmp");
    let file = create(&draft, me)?;
    match std::fs::rename(&draft, path) {
        Ok(()) => Ok(is_at(path, &me.token).then_some(file)),
        // Swept up by one who has the lock: it changed hands.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Held while a process works on a run.
pub(super) struct Lock {
    path: PathBuf,
    token: String,
    /// Keeps the system's lock.
    _file: File,
    lost: Arc<AtomicBool>,
    /// Dropped to end the beat.
    _beat: Sender<()>,
}

impl Lock {
    /// Takes the run, or says who has it.
    ///
    /// # Errors
    /// [`Error::Busy`] where a living process has it, [`Error::Io`] where the directory cannot be written.
    pub(super) fn take(dir: &RunDir) -> Result<Self> {
        let path = dir.lock();
        let me = Holder::me();
        let failed = |e| Error::output(&path, "create", e);
        // Between two looks the file can go or change hands; more often than this it does not.
        for _ in 0..50 {
            match acquire(&path, &me, 0).map_err(failed)? {
                Got::Lock(file) => return Ok(Lock::hold(&path, &me, file)),
                Got::Busy(holder) => return Err(busy(dir, holder.as_ref())),
                Got::Again => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        Err(busy(dir, None))
    }

    fn hold(path: &Path, me: &Holder, file: File) -> Self {
        sweep_up(path);
        let lost = Arc::new(AtomicBool::new(false));
        let (end, ended) = channel::<()>();
        let (beat_path, token, flag) = (path.to_owned(), me.token.clone(), Arc::clone(&lost));
        let content = serde_json::to_vec(me).unwrap_or_default();
        if let Ok(mut beating) = file.try_clone() {
            std::thread::spawn(move || {
                while ended.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                    if !is_at(&beat_path, &token) {
                        flag.store(true, Ordering::Relaxed);
                        return;
                    }
                    // The same bytes in the same place: nobody can read half of them. A beat that cannot be written
                    // is a beat that others do not hear, no more.
                    let _ = beating
                        .seek(SeekFrom::Start(0))
                        .and_then(|_| beating.write_all(&content))
                        .and_then(|()| beating.sync_data());
                }
            });
        }
        Lock { path: path.to_owned(), token: me.token.clone(), _file: file, lost, _beat: end }
    }

    /// Whether the last beat found the lock in other hands.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Looks whether the run is still ours.
    ///
    /// # Errors
    /// [`Error::Busy`] where it is not: nothing more may be written.
    pub(super) fn check(&self, dir: &RunDir) -> Result<()> {
        let holder = holder_at(&self.path);
        if holder.as_ref().is_some_and(|holder| holder.token == self.token) {
            return Ok(());
        }
        self.lost.store(true, Ordering::Relaxed);
        Err(busy(dir, holder.as_ref()))
    }
}

impl Drop for Lock {
    /// Gives the run back and leaves no file behind.
    fn drop(&mut self) {
        if is_at(&self.path, &self.token) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn busy(dir: &RunDir, holder: Option<&Holder>) -> Error {
    let who = holder.map_or_else(|| "another process".to_owned(), ToString::to_string);
    Error::Busy(format!("{}: {who} is working on this run; wait for it, or stop it", dir.path().display()))
}

/// Removes what processes that were killed in the middle of taking the lock at `path` have left.
fn sweep_up(path: &Path) {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return };
    let prefix = format!("{}.", name.to_string_lossy());
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix)) {
        // An empty draft says nothing of its owner. One who lives does without it: the lock is taken.
        let is_empty_draft = entry.path().extension().is_some_and(|ending| ending == "tmp")
            && content_at(&entry.path()).is_some_and(|content| content.is_empty());
        if is_empty_draft || matches!(judge(&entry.path(), SystemTime::now()), Judged::Dead(_)) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::holder::{STALE, holder};
    use super::*;

    fn world() -> (tempfile::TempDir, RunDir) {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        (dir, run)
    }

    fn leave(dir: &RunDir, holder: &Holder, age: Duration) {
        let file = File::create(dir.lock()).unwrap();
        (&file).write_all(&serde_json::to_vec(holder).unwrap()).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    fn elsewhere() -> Holder {
        Holder { host: Some("elsewhere".into()), boot: Some("other".into()), ..Holder::me() }
    }

    #[test]
    fn a_lock_is_held_by_one_and_given_back() {
        let (_keep, dir) = world();
        let lock = Lock::take(&dir).unwrap();
        let error = Lock::take(&dir).err().unwrap().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        assert_eq!(holder(&dir).unwrap().pid, std::process::id());
        lock.check(&dir).unwrap();
        drop(lock);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
        Lock::take(&dir).unwrap();
    }

    #[test]
    fn a_dead_process_of_this_machine_loses_its_lock_at_once() {
        let (_keep, dir) = world();
        leave(&dir, &Holder::me(), Duration::ZERO);
        assert_eq!(holder(&dir), None);
        Lock::take(&dir).unwrap();
    }

    #[test]
    fn whoever_takes_the_lock_sweeps_up_the_drafts_of_the_dead() {
        let (_keep, dir) = world();
        let draft = |token: &str| beside(&dir.lock(), token, "tmp");
        std::fs::write(draft("written"), serde_json::to_vec(&Holder::me()).unwrap()).unwrap();
        std::fs::write(draft("empty"), "").unwrap();
        std::fs::write(draft("living"), serde_json::to_vec(&elsewhere()).unwrap()).unwrap();
        drop(Lock::take(&dir).unwrap());
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [draft("living")]);
    }

    #[test]
    fn tidying_removes_a_dead_ones_lock_and_leaves_a_living_ones() {
        let (_keep, dir) = world();
        remove_dead_lock(&dir);
        leave(&dir, &Holder::me(), Duration::ZERO);
        remove_dead_lock(&dir);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        leave(&dir, &elsewhere(), STALE / 2);
        remove_dead_lock(&dir);
        assert!(dir.lock().exists());
    }

    #[test]
    fn a_machine_that_beats_keeps_its_lock_and_a_silent_one_loses_it() {
        let (_keep, dir) = world();
        leave(&dir, &elsewhere(), STALE / 2);
        let error = Lock::take(&dir).err().unwrap().to_string();
        assert!(error.contains("on elsewhere"), "{error}");
        leave(&dir, &elsewhere(), STALE * 2);
        let lock = Lock::take(&dir).unwrap();
        lock.check(&dir).unwrap();
    }

    #[test]
    fn an_unreadable_lock_is_respected_until_it_is_old() {
        let (_keep, dir) = world();
        for content in [&b""[..], b"{", b"{\"pid\":-1}", &[0xff; 10_000]] {
            std::fs::write(dir.lock(), content).unwrap();
            assert!(matches!(Lock::take(&dir), Err(Error::Busy(_))));
            File::options().write(true).open(dir.lock()).unwrap().set_modified(SystemTime::now() - STALE * 2).unwrap();
            Lock::take(&dir).unwrap();
        }
    }

    #[test]
    fn a_sleeper_whose_lock_was_taken_over_finds_out_and_leaves_the_new_one_alone() {
        let (_keep, dir) = world();
        let sleeper = Lock::take(&dir).unwrap();
        leave(&dir, &elsewhere(), Duration::ZERO);
        assert!(matches!(sleeper.check(&dir), Err(Error::Busy(_))));
        assert!(sleeper.is_lost());
        drop(sleeper);
        assert!(dir.lock().exists());
    }

    #[test]
    fn of_many_who_take_over_a_dead_ones_lock_exactly_one_gets_it() {
        for round in 0..50 {
            let (_keep, dir) = world();
            leave(&dir, &elsewhere(), STALE * 2);
            if round % 2 == 1 {
                // A taker that was killed in the middle.
                let dead = std::fs::read(dir.lock()).unwrap();
                let name: String = Sha256::digest(&dead).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                std::fs::write(beside(&dir.lock(), &name, "taking"), serde_json::to_vec(&Holder::me()).unwrap())
                    .unwrap();
            }
            let takers: Vec<_> = (0..8)
                .map(|_| {
                    let dir = dir.clone();
                    std::thread::spawn(move || Lock::take(&dir).ok())
                })
                .collect();
            // The winner's lock lives until all have tried.
            let locks: Vec<_> = takers.into_iter().map(|taker| taker.join().unwrap()).collect();
            assert_eq!(locks.iter().flatten().count(), 1);
        }
    }
}
