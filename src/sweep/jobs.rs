//! The workers of a sweep: runs side by side, each on threads of its own; whatever happens to one leaves the others alone.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use candle_core::Device;

use super::library::Library;
use super::plan::Planned;
use super::state::diverged;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::metrics::EpochRecord;
use crate::records::RunDir;
use crate::run::{Display, Existing, Finished, Job, Outcome, RunProgress, Started, execute};
use crate::verdict::Verdict;

/// How often a run that another process has is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the failure of one run means for those not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing.
    GoOn,
    /// They are left; those under way are saved.
    Stop,
}

/// Everything that the runs of a sweep have in common.
#[derive(Clone, Copy, Debug)]
pub struct Crew<'a> {
    /// The data.
    pub library: &'a Library,
    /// The directory that holds run directories.
    pub out: &'a Path,
    /// Where tensors live.
    pub device: &'a Device,
    /// The device as typed.
    pub device_name: &'a str,
    /// The command as typed.
    pub argv: &'a [String],
    /// Runs side by side.
    pub jobs: usize,
    /// Threads of each.
    pub threads: usize,
    /// What a failure means for the others.
    pub on_failure: OnFailure,
}

/// What became of a run.
#[derive(Clone, Debug)]
pub enum Fate {
    /// All epochs are done, by this process or by another.
    Done(Box<Finished>),
    /// It could not be done; why.
    Failed(String),
    /// Stopped with a checkpoint.
    Saved,
}

/// Told what a person may want to see, from all workers.
pub trait Watcher: Sync {
    /// Worker `worker` takes up a run.
    fn began(&self, worker: usize, run: &Planned, started: Started);
    /// It has done a batch.
    fn moment(&self, worker: usize, run: &Planned, moment: &RunProgress);
    /// It is done with the run, after so much time.
    fn ended(&self, worker: usize, run: &Planned, fate: &Fate, time: Duration);
    /// Nothing is left but runs that other processes are working on; `holder` is what is known of one.
    fn waiting(&self, runs: usize, holder: &str);
    /// Something went wrong that does not stop the run.
    fn warn(&self, message: &str);
}

/// A run to be done, and when to look at it again.
struct Item<'a> {
    run: &'a Planned,
    /// Who had it when it was last looked at.
    busy: Option<(String, Instant)>,
}

/// What is left to be begun, and what became of the rest.
struct Board<'a> {
    waiting: VecDeque<Item<'a>>,
    fates: Vec<(&'a Planned, Fate)>,
    /// Runs under way in this process.
    under_way: usize,
    told_to_wait: bool,
}

impl Crew<'_> {
    /// Does `runs`; gives what became of each that was begun. `stop` ends all after their current batches.
    ///
    /// A run that another process is working on is left to it, looked at again and again, and taken over if that dies:
    /// this returns only when every run is done, has failed, or was stopped.
    ///
    /// # Errors
    /// [`Error::Run`] where threads cannot be started.
    pub fn work<'a>(
        &self,
        runs: &[&'a Planned],
        watcher: &dyn Watcher,
        stop: &AtomicBool,
    ) -> Result<Vec<(&'a Planned, Fate)>> {
        let board = Mutex::new(Board {
            waiting: runs.iter().map(|&run| Item { run, busy: None }).collect(),
            fates: Vec::new(),
            under_way: 0,
            told_to_wait: false,
        });
        let pools = (0..self.jobs.min(runs.len()))
            .map(|_| {
                rayon::ThreadPoolBuilder::new().num_threads(self.threads).build().map_err(|e| {
                    Error::Run(format!("{} threads cannot be started ({e}); use fewer with --jobs", self.threads))
                })
            })
            .collect::<Result<Vec<_>>>()?;
        std::thread::scope(|scope| {
            for (worker, pool) in pools.iter().enumerate() {
                let board = &board;
                scope.spawn(move || self.take_turns(worker, pool, board, watcher, stop));
            }
        });
        Ok(board.into_inner().unwrap_or_else(PoisonError::into_inner).fates)
    }

    fn take_turns<'a>(
        &self,
        worker: usize,
        pool: &rayon::ThreadPool,
        board: &Mutex<Board<'a>>,
        watcher: &dyn Watcher,
        stop: &AtomicBool,
    ) {
        while !stop.load(Ordering::Relaxed) {
            let run = match next(board, watcher) {
                Next::Run(run) => run,
                Next::Later => {
                    std::thread::sleep(Duration::from_millis(50));
                    continue;
                }
                Next::Nothing => return,
            };
            let start = Instant::now();
            let fate = guarded(|| {
                // Outside the worker's own threads: the others wait for the data, so all processors read it.
                let data = self.library.images(&run.spec, &run.settings, stop)?;
                pool.install(|| self.one(worker, run, &data, watcher, stop))
            });
            let mut board = lock(board);
            board.under_way -= 1;
            let fate = match fate {
                Ok(fate) => fate,
                Err(Error::Busy(who)) => {
                    board.waiting.push_back(Item { run, busy: Some((who, Instant::now() + LOOK_AGAIN)) });
                    continue;
                }
                Err(why) => Fate::Failed(why.to_string()),
            };
            if let (Fate::Failed(_), OnFailure::Stop) = (&fate, self.on_failure) {
                stop.store(true, Ordering::Relaxed);
            }
            watcher.ended(worker, run, &fate, start.elapsed());
            board.fates.push((run, fate));
        }
    }

    fn one(
        &self,
        worker: usize,
        run: &Planned,
        data: &Dataset,
        watcher: &dyn Watcher,
        stop: &AtomicBool,
    ) -> Result<Fate> {
        let job = Job {
            spec: &run.spec,
            data,
            data_dir: run.settings.data_dir.as_deref(),
            preset: run.settings.preset,
            out: self.out,
            device: self.device,
            device_name: self.device_name,
            threads: self.threads,
            argv: self.argv,
            existing: Existing::Keep,
        };
        let finished = execute(&job, &mut Relay { worker, run, watcher }, stop)?;
        Ok(match (finished.outcome, finished.record.manifest.verdict) {
            (Outcome::Completed, _) => Fate::Done(Box::new(finished)),
            (Outcome::Interrupted, _) => Fate::Saved,
            (Outcome::Diverged, Some(Verdict { diverged_in: Some(epoch), .. })) => Fate::Failed(diverged(epoch)),
            (Outcome::Diverged, _) => Fate::Failed("diverged".to_owned()),
        })
    }
}

enum Next<'a> {
    Run(&'a Planned),
    Later,
    Nothing,
}

/// The next run whose time has come.
fn next<'a>(board: &Mutex<Board<'a>>, watcher: &dyn Watcher) -> Next<'a> {
    let mut board = lock(board);
    let now = Instant::now();
    let ready = |item: &Item<'_>| item.busy.as_ref().is_none_or(|(_, again)| *again <= now);
    if let Some(item) = board.waiting.iter().position(ready).and_then(|i| board.waiting.remove(i)) {
        board.under_way += 1;
        return Next::Run(item.run);
    }
    if board.waiting.is_empty() {
        // A run under way may yet turn out to be another process's, but then its own worker waits for it.
        return Next::Nothing;
    }
    if board.under_way == 0 && !board.told_to_wait {
        board.told_to_wait = true;
        let holder = board.waiting.front().and_then(|item| item.busy.as_ref()).map_or("", |(who, _)| who.as_str());
        watcher.waiting(board.waiting.len(), holder);
    }
    Next::Later
}

fn lock<'m, 'a>(board: &'m Mutex<Board<'a>>) -> MutexGuard<'m, Board<'a>> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work`; a panic in it is an error like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(Error::Run(format!("a bug of this program: panicked with {said:?}; please report it")))
    })
}

/// One run's progress, on its way to all runs' watcher.
struct Relay<'a> {
    worker: usize,
    run: &'a Planned,
    watcher: &'a dyn Watcher,
}

impl Display for Relay<'_> {
    fn start(&mut self, _: &RunDir, started: Started) {
        self.watcher.began(self.worker, self.run, started);
    }
    fn batch(&mut self, moment: &RunProgress) {
        self.watcher.moment(self.worker, self.run, moment);
    }
    fn epoch(&mut self, _: &[EpochRecord], _: u32, _: Option<f64>) {}
    fn warn(&mut self, message: &str) {
        self.watcher.warn(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_as_an_error() {
        let error = guarded::<()>(|| panic!("index {} out of range", 7)).unwrap_err();
        assert!(error.to_string().contains("index 7 out of range"), "{error}");
        assert_eq!(guarded(|| Ok(1)).unwrap(), 1);
    }
}
