//! Jobs side by side on the current rayon pool, without the time that a sleeping thread takes to wake.
//!
//! A training step of two milliseconds starts thirty parallel parts. A thread of rayon's that finds no job falls asleep
//! after some microseconds, and so does one that waits for another's job; to wake takes tens of them. [`awake`] keeps the
//! idle threads looking for jobs, and [`scope`] and [`side_by_side`] wait without sleeping. Which thread does what changes;
//! what is computed does not.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rayon::Yield;

/// Runs `work`, and keeps the other threads of the current pool looking for jobs meanwhile.
///
/// On a thread that is in no pool, and in a pool of one, it is `work` alone. The pool should belong to `work`: a job from
/// elsewhere that another thread takes up can hold back the end.
pub fn awake<R>(work: impl FnOnce() -> R) -> R {
    let others = super::parallel::threads().saturating_sub(1);
    if cfg!(miri) || others == 0 || rayon::current_thread_index().is_none() {
        return work();
    }
    let (watch, watching) = (AtomicU8::new(GATHERING), AtomicUsize::new(0));
    rayon::in_place_scope(|scope| {
        for _ in 0..others {
            scope.spawn(|_| {
                if watch.load(Ordering::Acquire) != GATHERING {
                    return;
                }
                watching.fetch_add(1, Ordering::AcqRel);
                // One watch per thread: no job is looked for before all have begun.
                while watch.load(Ordering::Acquire) == GATHERING {
                    std::thread::yield_now();
                }
                look_for_jobs_until(rayon::yield_now, || watch.load(Ordering::Acquire) == OVER);
            });
        }
        let begin = Instant::now();
        while watching.load(Ordering::Acquire) < others && begin.elapsed() < GATHER {
            std::thread::yield_now();
        }
        // A watch that begins later could do so in the middle of another job, which would then never end: it goes at once.
        watch.store(WATCHING, Ordering::Release);
        let _over = OnDrop(|| watch.store(OVER, Ordering::Release));
        work()
    })
}

const GATHERING: u8 = 0;
const WATCHING: u8 = 1;
const OVER: u8 = 2;

/// How long [`awake`] waits for the other threads to begin.
const GATHER: Duration = Duration::from_millis(20);

/// Jobs beside each other, as [`rayon::Scope`] has them.
pub(crate) struct Jobs<'a, 'scope> {
    scope: &'a rayon::Scope<'scope>,
    unfinished: &'scope AtomicUsize,
}

impl<'scope> Jobs<'_, 'scope> {
    /// Starts a job that may run on any thread, until the end of the scope.
    pub(crate) fn spawn(&self, job: impl FnOnce() + Send + 'scope) {
        let unfinished = self.unfinished;
        unfinished.fetch_add(1, Ordering::Relaxed);
        self.scope.spawn(move |_| {
            let _finished = OnDrop(|| {
                unfinished.fetch_sub(1, Ordering::Release);
            });
            job();
        });
    }
}

/// Runs `work` on the calling thread, and the jobs that it starts on the pool; ends when all have ended.
pub(crate) fn scope<'scope, R>(unfinished: &'scope AtomicUsize, work: impl FnOnce(&Jobs<'_, 'scope>) -> R) -> R {
    rayon::in_place_scope(|scope| {
        let result = work(&Jobs { scope, unfinished });
        // The end of rayon's scope would wait as well, but asleep.
        look_for_jobs_until(rayon::yield_now, || unfinished.load(Ordering::Acquire) == 0);
        result
    })
}

/// Runs `work` `times` times side by side, once at least on the calling thread, and ends when all have ended.
///
/// For work that each of the threads takes its next part of: a job for every part would be allocated by one thread and freed by
/// another, and both would wait for the allocator's lock.
pub(crate) fn side_by_side(times: usize, work: impl Fn() + Sync) {
    let unfinished = AtomicUsize::new(0);
    rayon::in_place_scope(|scope| {
        let jobs = Jobs { scope, unfinished: &unfinished };
        (1..times).for_each(|_| jobs.spawn(&work));
        work();
        // Not other jobs, which could take longer than what is left of this one.
        look_for_jobs_until(rayon::yield_local, || unfinished.load(Ordering::Acquire) == 0);
    });
}

/// Does jobs that `look` finds, until `done`.
fn look_for_jobs_until(look: impl Fn() -> Option<Yield>, done: impl Fn() -> bool) {
    let mut idle = 0_u32;
    while !done() {
        if look() == Some(Yield::Executed) {
            idle = 0;
        } else if idle < PATIENCE {
            idle += 1;
            (0..SPINS).for_each(|_| std::hint::spin_loop());
        } else {
            // Where there are more threads than processors, another one needs this one.
            std::thread::yield_now();
        }
    }
}

/// Between two looks for a job: a fraction of a microsecond.
const SPINS: u32 = 32;
/// Looks without a job, some hundred microseconds, until the processor is offered to other threads.
const PATIENCE: u32 = 500;

/// Runs its closure when it is dropped, also by a panic.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
