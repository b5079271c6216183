//! Columns of a factor that are 0 throughout, as the gradients of units are that no image has switched on: they are found, and
//! left out of a product.

use super::matrix::{MatRef, Order};
use super::output::{Epilogue, SharedC};
use super::product::Destination;
use crate::simd::{Isa, LANES, Simd, Task};

/// The columns of a matrix.
pub(super) struct ColumnsByUse {
    /// Those with an element that is not 0.
    pub(super) live: Vec<u32>,
    /// The others.
    pub(super) dead: Vec<u32>,
}

/// C and the columns of the right factor, where it pays to leave out those that are 0: an eighth of them at least, contiguous
/// steps of k, and rows of C for which 0 is the result.
pub(super) fn dead_columns<'a>(isa: Isa, right: MatRef, to: Destination<'a>) -> Option<(SharedC<'a>, ColumnsByUse)> {
    let (Destination::Transpose { c, epilogue: Epilogue::Nothing }, Order::Rows) = (to, right.order) else {
        return None;
    };
    let columns = isa.run(Use { right });
    (columns.dead.len() >= right.cols.div_ceil(8)).then_some((c, columns))
}

/// Finds which columns are 0.
struct Use<'a> {
    right: MatRef<'a>,
}

impl Task for Use<'_> {
    type Out = ColumnsByUse;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> ColumnsByUse {
        let cols = self.right.cols;
        let mut columns = ColumnsByUse { live: Vec::with_capacity(cols), dead: Vec::with_capacity(cols) };
        for start in (0..cols).step_by(LANES) {
            let width = (cols - start).min(LANES);
            // 0 only where all are; NaN where one is.
            let mut sum = s.splat(0.0);
            for k in 0..self.right.rows {
                sum = s.add(sum, s.abs(s.load_head(&self.right.from(k, start)[..width])));
            }
            let mut sums = [0.0; LANES];
            s.store(&mut sums, sum);
            for (column, sum) in (start..).zip(&sums[..width]) {
                let columns = if *sum == 0.0 { &mut columns.dead } else { &mut columns.live };
                columns.push(column as u32);
            }
        }
        columns
    }
}

/// Copies the live columns at some steps of k from number `first` on.
pub(super) struct Gather<'a> {
    pub(super) right: MatRef<'a>,
    pub(super) first: usize,
    pub(super) live: &'a [u32],
    pub(super) out: &'a mut [f32],
}

impl Gather<'_> {
    pub(super) fn run(self) {
        for (k, out) in (self.first..).zip(self.out.chunks_exact_mut(self.live.len())) {
            let row = &self.right.from(k, 0)[..self.right.cols];
            for (out, &column) in out.iter_mut().zip(self.live) {
                *out = row[column as usize];
            }
        }
    }
}

/// Sets some rows of C, each `cols` long, to 0.
pub(super) struct Clear<'a> {
    pub(super) c: SharedC<'a>,
    pub(super) rows: &'a [u32],
    pub(super) cols: usize,
}

impl Clear<'_> {
    pub(super) fn run(self) {
        for &row in self.rows {
            // SAFETY: these are rows of C, each in one task, and jobs write other rows.
            unsafe { self.c.part(row as usize, 0, self.cols) }.fill(0.0);
        }
    }
}
