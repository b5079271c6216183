//! The runs of a sweep that wait to be begun, shared by its workers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::dataset_cache::{Source, source};
use super::plan::Planned;
use super::watcher::{RunOutcome, Watcher};

/// How long to wait before a run that another process has locked is tried again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A run to be done, and when to look at it again.
struct Item<'a> {
    run: &'a Planned,
    /// Who had locked it, and when to try again.
    busy: Option<(String, Instant)>,
}

/// The runs not begun, and how the others ended.
pub(super) struct Queue<'a> {
    waiting: VecDeque<Item<'a>>,
    pub(super) outcomes: Vec<(&'a Planned, RunOutcome)>,
    /// Runs under way in this process.
    pub(super) under_way: usize,
    /// Data that cannot be read.
    failed_sources: Vec<Source>,
    waiting_shown: bool,
}

impl<'a> Queue<'a> {
    /// A queue of `runs`.
    pub(super) fn new(runs: &[&'a Planned]) -> Self {
        Queue {
            waiting: runs.iter().map(|&run| Item { run, busy: None }).collect(),
            outcomes: Vec::new(),
            under_way: 0,
            failed_sources: Vec::new(),
            waiting_shown: false,
        }
    }

    /// Puts back a run that another process, described by `owner`, has locked.
    pub(super) fn put_back(&mut self, run: &'a Planned, owner: String) {
        self.waiting.push_back(Item { run, busy: Some((owner, Instant::now() + LOOK_AGAIN)) });
    }

    /// Leaves out all runs that need this data; false where that was done before.
    pub(super) fn withdraw(&mut self, failed: Source) -> bool {
        if self.failed_sources.contains(&failed) {
            return false;
        }
        self.waiting.retain(|item| source(&item.run.spec, &item.run.settings) != failed);
        self.failed_sources.push(failed);
        true
    }
}

/// What a worker does next.
pub(super) enum Next<'a> {
    /// Do this run.
    Run(&'a Planned),
    /// Wait: all runs left are locked by other processes.
    Later,
    /// End.
    Nothing,
}

/// The next run whose time has come.
pub(super) fn next<'a>(queue: &Mutex<Queue<'a>>, watcher: &dyn Watcher) -> Next<'a> {
    let mut queue = lock(queue);
    let now = Instant::now();
    let ready = |item: &Item<'_>| item.busy.as_ref().is_none_or(|(_, again)| *again <= now);
    if let Some(item) = queue.waiting.iter().position(ready).and_then(|i| queue.waiting.remove(i)) {
        queue.under_way += 1;
        return Next::Run(item.run);
    }
    if queue.waiting.is_empty() {
        // A run under way may yet turn out to be locked by another process, but then its own worker waits for it.
        return Next::Nothing;
    }
    if queue.under_way == 0 && !queue.waiting_shown {
        queue.waiting_shown = true;
        let owner = queue.waiting.front().and_then(|item| item.busy.as_ref()).map_or("", |(who, _)| who.as_str());
        watcher.waiting(queue.waiting.len(), owner);
    }
    Next::Later
}

pub(super) fn lock<'m, 'a>(queue: &'m Mutex<Queue<'a>>) -> MutexGuard<'m, Queue<'a>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
