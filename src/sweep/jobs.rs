//! Runs side by side, each on threads of its own; the failure of one leaves the others alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use candle_core::Device;

use super::dataset_cache::{DatasetCache, source};
use super::plan::Planned;
use super::queue::{Next, Queue, lock, next};
use super::state::diverged;
use super::watcher::{RunOutcome, Watcher};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::files::Disk;
use crate::metrics::EpochRecord;
use crate::records::{Host, RunDir};
use crate::run::{Display, Existing, FinishedCheckpoint, Job, Outcome, RunProgress, Started, execute_on};
use crate::verdict::Verdict;

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
pub struct Runner<'a> {
    /// The data.
    pub datasets: &'a DatasetCache,
    /// The threads that read the data: all processors, as the workers wait for it.
    pub readers: &'a rayon::ThreadPool,
    /// Where files are changed.
    pub disk: &'a Disk,
    /// The directory that holds run directories.
    pub out: &'a Path,
    /// Where tensors live.
    pub device: &'a Device,
    /// The device as typed.
    pub device_name: &'a str,
    /// The machine, as it is recorded.
    pub host: &'a Host,
    /// The command as typed.
    pub argv: &'a [String],
    /// Runs side by side.
    pub jobs: usize,
    /// Threads of each.
    pub threads: usize,
    /// What the failure of one run means for those not begun.
    pub on_failure: OnFailure,
    /// What becomes of the checkpoint of a run that is done.
    pub checkpoint: FinishedCheckpoint,
}

impl Runner<'_> {
    /// Does `runs`; gives the outcome of each that was begun. `stop` ends all after their current batches.
    ///
    /// A run that another process has locked is tried again and again, and taken over if that process dies: this
    /// returns only when every run is done, has failed, or was stopped. Data that is missing or damaged fails one run;
    /// the others that need it are never begun.
    ///
    /// # Errors
    /// [`Error::Run`] where threads cannot be started.
    pub fn work<'a>(
        &self,
        runs: &[&'a Planned],
        watcher: &dyn Watcher,
        stop: &AtomicBool,
    ) -> Result<Vec<(&'a Planned, RunOutcome)>> {
        let queue = Mutex::new(Queue::new(runs));
        let pools = (0..self.jobs.min(runs.len()))
            .map(|_| {
                rayon::ThreadPoolBuilder::new().num_threads(self.threads).build().map_err(|e| {
                    Error::Run(format!("{} threads cannot be started ({e}); use fewer with --jobs", self.threads))
                })
            })
            .collect::<Result<Vec<_>>>()?;
        std::thread::scope(|scope| {
            for (worker, pool) in pools.iter().enumerate() {
                let queue = &queue;
                let work = move || self.take_turns(worker, pool, queue, watcher, stop);
                if let Err(e) = std::thread::Builder::new().spawn_scoped(scope, work) {
                    // The workers that did start save their runs.
                    stop.store(true, Ordering::Relaxed);
                    return Err(Error::Run(format!(
                        "worker {} of {} cannot be started ({e}); use fewer with --jobs",
                        worker + 1,
                        pools.len()
                    )));
                }
            }
            Ok(())
        })?;
        Ok(queue.into_inner().unwrap_or_else(PoisonError::into_inner).outcomes)
    }

    fn take_turns<'a>(
        &self,
        worker: usize,
        pool: &rayon::ThreadPool,
        queue: &Mutex<Queue<'a>>,
        watcher: &dyn Watcher,
        stop: &AtomicBool,
    ) {
        while !stop.load(Ordering::Relaxed) {
            let run = match next(queue, watcher) {
                Next::Run(run) => run,
                Next::Later => {
                    std::thread::sleep(Duration::from_millis(50));
                    continue;
                }
                Next::Nothing => return,
            };
            let start = Instant::now();
            let data = guarded(|| self.datasets.images(&run.spec, &run.settings, self.readers, stop));
            let outcome = match data {
                Ok(data) => guarded(|| pool.install(|| self.one(worker, run, &data, watcher, stop))),
                Err(Error::Data(why)) => Ok(RunOutcome::DataFailed(why)),
                Err(why) => Err(why),
            };
            let mut queue = lock(queue);
            queue.under_way -= 1;
            let outcome = match outcome {
                Ok(outcome) => outcome,
                Err(Error::Busy(who)) => {
                    queue.put_back(run, who);
                    continue;
                }
                Err(why) => RunOutcome::Failed(why.to_string()),
            };
            match (&outcome, self.on_failure) {
                (RunOutcome::DataFailed(_), _) if !queue.withdraw(source(&run.spec, &run.settings)) => continue,
                (RunOutcome::DataFailed(_) | RunOutcome::Failed(_), OnFailure::Stop) => {
                    stop.store(true, Ordering::Relaxed);
                }
                (RunOutcome::DataFailed(_) | RunOutcome::Failed(_), OnFailure::GoOn)
                | (RunOutcome::Done(_) | RunOutcome::Saved, _) => {}
            }
            watcher.ended(worker, run, &outcome, start.elapsed());
            queue.outcomes.push((run, outcome));
        }
    }

    fn one(
        &self,
        worker: usize,
        run: &Planned,
        data: &Dataset,
        watcher: &dyn Watcher,
        stop: &AtomicBool,
    ) -> Result<RunOutcome> {
        let job = Job {
            spec: &run.spec,
            data,
            preset: run.settings.preset,
            out: self.out,
            device: self.device,
            device_name: self.device_name,
            threads: self.threads,
            host: self.host,
            argv: self.argv,
            existing: Existing::Keep,
            checkpoint: self.checkpoint,
        };
        let finished = execute_on(self.disk, &job, &mut RunDisplay { worker, run, watcher }, stop)?;
        Ok(match (finished.outcome, finished.record.manifest.verdict) {
            (Outcome::Completed, _) => RunOutcome::Done(Box::new(finished)),
            (Outcome::Interrupted, _) => RunOutcome::Saved,
            (Outcome::Diverged, Some(Verdict { diverged_in: Some(epoch), .. })) => RunOutcome::Failed(diverged(epoch)),
            (Outcome::Diverged, _) => RunOutcome::Failed("diverged".to_owned()),
        })
    }
}

/// Does `work`; a panic in it is an error like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(Error::Run(format!("a bug of this program: panicked with {said:?}; please report it")))
    })
}

/// Passes the progress of one run to the watcher of all.
struct RunDisplay<'a> {
    worker: usize,
    run: &'a Planned,
    watcher: &'a dyn Watcher,
}

impl Display for RunDisplay<'_> {
    fn start(&mut self, _: &RunDir, started: Started) {
        self.watcher.began(self.worker, self.run, started);
    }
    fn batch(&mut self, moment: &RunProgress) {
        self.watcher.progress(self.worker, self.run, moment);
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
