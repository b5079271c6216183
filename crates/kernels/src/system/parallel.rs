//! Fixed splits of work over the current rayon pool.

use super::pool;
use crate::simd::{Isa, Task};
use std::ops::Range;
use std::sync::Mutex;

/// Elements in a chunk of elementwise work: a few microseconds, and a whole number of vectors.
pub(crate) const CHUNK: usize = 1 << 13;

/// Part `i` of `0..len`, split into `parts` whose lengths differ by one at most.
pub(crate) fn part(len: usize, parts: usize, i: usize) -> Range<usize> {
    len * i / parts..len * (i + 1) / parts
}

/// `rows * cols`, the length of `name`.
///
/// # Panics
/// If no memory holds that many: a product that wrapped would pass for the length of a short slice.
#[track_caller]
pub(crate) fn elements(name: &str, rows: usize, cols: usize) -> usize {
    match rows.checked_mul(cols) {
        Some(elements) => elements,
        None => panic!("{name} of {rows} x {cols} has more elements than memory holds"),
    }
}

/// The number of rows of `cols` elements in a chunk.
pub(crate) fn rows_per_chunk(cols: usize) -> usize {
    (CHUNK / cols.max(1)).max(1)
}

/// How many threads the current pool has.
pub(crate) fn threads() -> usize {
    // Asking rayon would start its pool, which Miri finds fault with and takes minutes over.
    if cfg!(miri) { 2 } else { rayon::current_num_threads() }
}

/// Runs independent tasks: one on the calling thread, several on the pool.
pub(crate) fn run_all<T: Task<Out = ()> + Send>(isa: Isa, tasks: impl IntoIterator<Item = T>) {
    let slots: Vec<_> = tasks.into_iter().map(|task| Mutex::new(Some(task))).collect();
    let run = |slot: &Mutex<Option<T>>| {
        // One that is locked is being taken by another thread.
        if let Some(task) = slot.try_lock().ok().and_then(|mut task| task.take()) {
            isa.run(task);
        }
    };
    if slots.len() <= 1 {
        slots.iter().for_each(run);
    } else if cfg!(miri) {
        // Miri looks for data races here too, and rayon would take it minutes.
        std::thread::scope(|scope| slots.iter().for_each(|slot| drop(scope.spawn(move || run(slot)))));
    } else {
        let threads = threads().min(slots.len());
        pool::side_by_side(threads, || {
            let me = rayon::current_thread_index().unwrap_or(0);
            // Each thread takes the same part of an array in every operation, as it has most of it in its cache; then it
            // helps the others, from the ends of their parts.
            slots[part(slots.len(), threads, me % threads)].iter().for_each(run);
            for other in 1..threads {
                slots[part(slots.len(), threads, (me + other) % threads)].iter().rev().for_each(run);
            }
        });
    }
}
