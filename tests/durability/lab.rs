//! A tiny run, a disk that obeys a script, and the question whether what is left of the run is whole.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use candle_core::Device;
use vae_bench::data::{DataSource, Dataset, DatasetName, FileDigest, Images};
use vae_bench::error::Result;
use vae_bench::files::{Disk, Operation, Watch};
use vae_bench::metrics::EpochRecord;
use vae_bench::records::{Host, RunDir, parse_timing};
use vae_bench::run::{
    Display, Existing, Finished, FinishedCheckpoint, Job, Outcome, Records, RunProgress, Started, execute_on,
    verify_run,
};
use vae_bench::spec::{RunSpec, Settings};

/// Epochs of the run.
pub const EPOCHS: u32 = 3;

/// The disk as it is.
pub fn plain() -> Disk {
    Disk::default()
}

/// A directory in memory where there is one: thousands of runs are made in it.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Whether to take every schedule.
pub fn all() -> bool {
    std::env::var_os("DURABILITY").is_some_and(|value| value == "all")
}

fn images(count: usize, salt: u32) -> Images {
    let pixels = (0..count as u32 * 9).map(|i| ((i + salt).wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    Images::new(pixels, (0..count).map(|i| (i % 10) as u8).collect(), 3, 3).unwrap()
}

fn data() -> &'static Dataset {
    static DATA: OnceLock<Dataset> = OnceLock::new();
    DATA.get_or_init(|| {
        let files = vec![FileDigest { file: "made-up".to_owned(), sha256: "00".repeat(32) }];
        Dataset::new(DatasetName::Idx(None), images(20, 1), images(6, 2), files)
    })
}

/// The run: 3 x 3 pixels, two latents, three batches an epoch, the last of which is short.
pub fn spec(seed: u64) -> RunSpec {
    let settings = Settings {
        data: Some(DataSource::Idx),
        hidden: Some("4".parse().unwrap()),
        latent_dim: Some(2.try_into().unwrap()),
        batch_size: Some(8.try_into().unwrap()),
        epochs: Some(EPOCHS),
        seed: Some(seed),
        ..Settings::default()
    };
    RunSpec::resolve(&settings).unwrap()
}

/// Where the run lies below `out`.
pub fn dir(out: &Path) -> RunDir {
    RunDir::new(out.join(spec(1).run_id(&data().digest())))
}

/// Remembers warnings; stops the run after so many batches.
#[derive(Default)]
pub struct Quiet {
    pub warnings: Vec<String>,
    pub batches: usize,
    pub stop_after: Option<usize>,
    pub stop: Arc<AtomicBool>,
}

impl Display for Quiet {
    fn start(&mut self, _: &RunDir, _: Started) {}
    fn batch(&mut self, _: &RunProgress) {
        self.batches += 1;
        if self.stop_after == Some(self.batches) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
    fn epoch(&mut self, _: &[EpochRecord], _: u32, _: Option<f64>) {}
    fn warn(&mut self, message: &str) {
        self.warnings.push(message.to_owned());
    }
}

/// Does the run of `seed` in `out` on `disk`.
pub fn run_with(out: &Path, disk: &Disk, existing: Existing, display: &mut Quiet, seed: u64) -> Result<Finished> {
    let spec = spec(seed);
    let job = Job {
        checkpoint: FinishedCheckpoint::Keep,
        spec: &spec,
        data: data(),
        preset: None,
        out,
        device: &Device::Cpu,
        device_name: "cpu",
        threads: 1,
        host: &Host::current(None),
        argv: &["vae-bench".to_owned()],
        existing,
    };
    let stop = Arc::clone(&display.stop);
    execute_on(disk, &job, display, &stop)
}

/// Does the run in `out`.
pub fn run(out: &Path, disk: &Disk, existing: Existing) -> Result<Finished> {
    run_with(out, disk, existing, &mut Quiet::default(), 1)
}

/// Stops the run in `out` after `batches` batches, as Ctrl-C does.
pub fn interrupt(out: &Path, existing: Existing, batches: usize) -> Finished {
    let mut display = Quiet { stop_after: Some(batches), ..Quiet::default() };
    let finished = run_with(out, &watched(Script::default()), existing, &mut display, 1).unwrap();
    assert_eq!(finished.outcome, Outcome::Interrupted);
    finished
}

/// What an undisturbed run leaves: metrics.csv, latents.csv, model.safetensors.
pub fn undisturbed() -> &'static [Vec<u8>; 3] {
    static BYTES: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    BYTES.get_or_init(|| {
        let out = scratch();
        run(out.path(), &plain(), Existing::Keep).unwrap();
        results(out.path())
    })
}

/// What the run in `out` has left: metrics.csv, latents.csv, model.safetensors.
pub fn results(out: &Path) -> [Vec<u8>; 3] {
    let dir = dir(out);
    [dir.metrics(), dir.latents(), dir.model()].map(|path| std::fs::read(path).unwrap_or_default())
}

/// Does the run in `out` once more, undisturbed; what is wrong with what it then leaves, if anything is.
pub fn whole_after_restart(out: &Path) -> Result<Finished, String> {
    let finished = run(out, &plain(), Existing::Keep).map_err(|e| format!("the next start fails: {e}"))?;
    if finished.outcome != Outcome::Completed {
        return Err(format!("{:?}", finished.outcome));
    }
    if results(out) != *undisturbed() {
        return Err("other bytes".to_owned());
    }
    let dir = dir(out);
    let timing = parse_timing(&std::fs::read(dir.timing()).unwrap()).map_err(|e| format!("timing.csv: {e}"))?;
    if timing.iter().map(|row| row.epoch).ne(1..=EPOCHS) {
        return Err("timing.csv has other epochs".to_owned());
    }
    let verified = verify_run(&dir);
    if let Some(bad) = verified.files.iter().find(|file| file.content.is_err()) {
        return Err(format!("{bad:?}"));
    }
    // The checkpoint of a finished run may be missing: a process that was stopped before it removed that may have woken.
    if verified.records != Records::Kept || verified.files.len() < 6 {
        return Err(format!("{verified:?}"));
    }
    let left = litter(&dir);
    if left.is_empty() { Ok(finished) } else { Err(format!("left behind: {left:?}")) }
}

/// Locks and half-written files in the directory of a run.
pub fn litter(dir: &RunDir) -> Vec<String> {
    let folders =
        [dir.path().to_owned(), dir.checkpoint_dir()].into_iter().flat_map(|path| std::fs::read_dir(path).unwrap());
    let names = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".tmp") || name.starts_with(".lock")).collect()
}

/// An operation, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    CreateDir(PathBuf),
    Create(PathBuf),
    Append(PathBuf),
    Write(PathBuf, Vec<u8>),
    Sync(PathBuf),
    SyncDir(PathBuf),
    Rename(PathBuf, PathBuf),
    Link(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl From<Operation<'_>> for Kept {
    fn from(operation: Operation<'_>) -> Self {
        match operation {
            Operation::CreateDir(path) => Kept::CreateDir(path.into()),
            Operation::Create(path) => Kept::Create(path.into()),
            Operation::Append(path) => Kept::Append(path.into()),
            Operation::Write { path, bytes } => Kept::Write(path.into(), bytes.into()),
            Operation::Sync(path) => Kept::Sync(path.into()),
            Operation::SyncDir(path) => Kept::SyncDir(path.into()),
            Operation::Rename { from, to } => Kept::Rename(from.into(), to.into()),
            Operation::Link { from, to } => Kept::Link(from.into(), to.into()),
            Operation::Remove(path) => Kept::Remove(path.into()),
        }
    }
}

/// What happens at the operation of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The process is killed before it.
    Kill,
    /// The process is killed in the middle of it, if it writes.
    HalfWrite,
    /// It fails with this error number.
    Once(i32),
    /// It fails, and all that follow.
    FromThenOn(i32),
}

impl Fault {
    /// The file system is full.
    pub const ENOSPC: i32 = 28;
    /// The disk fails.
    pub const EIO: i32 = 5;
    /// The file system has become read-only.
    pub const EROFS: i32 = 30;
    /// Forbidden.
    pub const EACCES: i32 = 13;
}

/// Lets operation number `at` go wrong, and keeps all that were made.
pub struct Script {
    pub at: usize,
    pub fault: Fault,
    pub kept: Mutex<Vec<Kept>>,
}

impl Default for Script {
    fn default() -> Self {
        Script { at: usize::MAX, fault: Fault::None, kept: Mutex::default() }
    }
}

impl Script {
    pub fn new(at: usize, fault: Fault) -> Self {
        Script { at, fault, kept: Mutex::default() }
    }
}

impl Watch for Script {
    fn before(&self, operation: Operation<'_>) -> io::Result<()> {
        let mut kept = self.kept.lock().unwrap();
        let number = kept.len();
        kept.push(operation.into());
        let killed = || Err(io::Error::other("killed"));
        match self.fault {
            _ if number < self.at => Ok(()),
            Fault::None => Ok(()),
            Fault::HalfWrite if number == self.at => {
                if let Operation::Write { path, bytes } = operation {
                    let mut file = std::fs::File::options().append(true).open(path)?;
                    io::Write::write_all(&mut file, &bytes[..bytes.len() / 2])?;
                }
                killed()
            }
            Fault::Kill | Fault::HalfWrite => killed(),
            Fault::Once(error) if number == self.at => Err(io::Error::from_raw_os_error(error)),
            Fault::Once(_) => Ok(()),
            Fault::FromThenOn(error) => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

pub fn watched(script: Script) -> Disk {
    Disk::watched(Arc::new(script))
}

/// Copies the directory `from` into the existing directory `to`.
pub fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// Where a disturbed run begins.
#[derive(Clone, Copy, Debug)]
pub enum Scene {
    /// In an empty directory.
    Fresh,
    /// After Ctrl-C in the middle of the second epoch.
    Interrupted,
    /// With `--force` over a finished run.
    Forced,
    /// After a process that was killed in the second epoch, whose lock and half-written files are there.
    Killed,
}

pub const SCENES: [Scene; 4] = [Scene::Fresh, Scene::Interrupted, Scene::Forced, Scene::Killed];

impl Scene {
    /// Makes the scene in `out`; gives how the run is asked for.
    pub fn set(self, out: &Path) -> Existing {
        match self {
            Scene::Fresh => Existing::Keep,
            Scene::Interrupted => {
                interrupt(out, Existing::Keep, 4);
                Existing::Keep
            }
            Scene::Forced => {
                run(out, &plain(), Existing::Keep).unwrap();
                Existing::Repeat
            }
            Scene::Killed => {
                let _ = run(out, &watched(Script::new(53, Fault::HalfWrite)), Existing::Keep);
                Existing::Keep
            }
        }
    }

    /// The scene in a directory, made once and copied.
    pub fn template(self) -> (tempfile::TempDir, Existing) {
        let out = scratch();
        let existing = self.set(out.path());
        (out, existing)
    }

    /// The operations of an undisturbed run that begins here.
    pub fn operations(self) -> Vec<Kept> {
        let (out, existing) = self.template();
        let script = Arc::new(Script::default());
        let disk = Disk::watched(Arc::clone(&script) as Arc<dyn Watch>);
        run(out.path(), &disk, existing).unwrap();
        let kept = script.kept.lock().unwrap().clone();
        assert!(kept.len() > 50, "{}", kept.len());
        kept
    }
}
