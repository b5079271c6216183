//! Fixed splits of elementwise work over the current rayon pool.

use super::dispatch::Isa;
use super::simd::Task;
use rayon::prelude::*;
use std::ops::Range;

/// Elements in a chunk of elementwise work: some microseconds' worth, a multiple of every vector.
pub(crate) const CHUNK: usize = 1 << 13;

/// Part `i` of `0..len` split into `parts` that differ by one at most.
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

/// How many rows of `cols` elements make a chunk.
pub(crate) fn rows_per_chunk(cols: usize) -> usize {
    (CHUNK / cols.max(1)).max(1)
}

/// Runs independent tasks: at once if there is one, else on the pool.
pub(crate) fn run_all<T: Task<Out = ()> + Send>(isa: Isa, tasks: Vec<T>) {
    if tasks.len() <= 1 {
        tasks.into_iter().for_each(|task| isa.run(task));
    } else {
        tasks.into_par_iter().with_max_len(1).for_each(|task| isa.run(task));
    }
}

/// A factor of a gradient: dL/d(sum of a row).
#[derive(Clone, Copy, Debug)]
pub enum Scale<'a> {
    /// The same for all rows.
    All(f32),
    /// One for each row.
    Rows(&'a [f32]),
}

impl<'a> Scale<'a> {
    pub(crate) fn check(self, rows: usize) {
        if let Scale::Rows(scale) = self {
            assert_eq!(scale.len(), rows, "{rows} rows need {rows} scales, not {}", scale.len());
        }
    }

    /// The scale of rows `from..`.
    pub(crate) fn from(self, from: usize) -> Scale<'a> {
        match self {
            Scale::All(_) => self,
            Scale::Rows(scale) => Scale::Rows(&scale[from..]),
        }
    }

    #[inline(always)]
    pub(crate) fn of_row(self, row: usize) -> f32 {
        match self {
            Scale::All(scale) => scale,
            Scale::Rows(scale) => scale[row],
        }
    }
}
