//! Fixed splits of work over the current rayon pool.

use super::pool;
use crate::simd::{Isa, Task};
use std::ops::Range;
use std::sync::atomic::AtomicUsize;

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
pub(crate) fn run_all<T: Task<Out = ()> + Send>(isa: Isa, tasks: Vec<T>) {
    if tasks.len() <= 1 {
        tasks.into_iter().for_each(|task| isa.run(task));
    } else if cfg!(miri) {
        // Miri looks for data races here too, and rayon would take it minutes.
        std::thread::scope(|scope| tasks.into_iter().for_each(|task| drop(scope.spawn(move || isa.run(task)))));
    } else {
        let unfinished = AtomicUsize::new(0);
        pool::scope(&unfinished, |jobs| tasks.into_iter().for_each(|task| jobs.spawn(move || isa.run(task))));
    }
}
