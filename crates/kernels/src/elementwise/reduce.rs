//! Column sums (gradients of biases) and scaled rows.

use crate::simd::{Isa, LANES, Simd, Task};
use crate::system::parallel::{CHUNK, elements, rows_per_chunk, run_all};

/// Columns that are summed side by side: four vectors, so that each row contributes whole cache lines.
const STRIP: usize = 4 * LANES;

/// `sums[j]` = x\[0, j\] + x\[1, j\] + ..., each column added from the first row to the last. `x` is row-major,
/// rows x `sums.len()`.
///
/// # Panics
/// If `x` is not `rows` x `sums.len()`.
pub fn column_sums(isa: Isa, x: &[f32], rows: usize, sums: &mut [f32]) {
    let cols = sums.len();
    let needed = elements("a matrix", rows, cols);
    assert_eq!(x.len(), needed, "a {rows} x {cols} matrix needs {needed} elements, not {}", x.len());
    let width = if x.len() < CHUNK { cols.max(1) } else { 2 * STRIP };
    let tasks = sums.chunks_mut(width).enumerate().map(|(i, sums)| Strip { x, rows, cols, from: i * width, sums });
    run_all(isa, tasks);
}

struct Strip<'a> {
    x: &'a [f32],
    rows: usize,
    cols: usize,
    from: usize,
    sums: &'a mut [f32],
}

impl Task for Strip<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut col = self.from;
        for sums in self.sums.chunks_mut(STRIP) {
            let mut acc = [s.splat(0.0); STRIP / LANES];
            for row in 0..self.rows {
                let x = &self.x[row * self.cols + col..][..sums.len()];
                if let Some(x) = x.first_chunk::<STRIP>() {
                    for (acc, x) in acc.iter_mut().zip(x.as_chunks::<LANES>().0) {
                        *acc = s.add(*acc, s.load(x));
                    }
                } else {
                    for (acc, x) in acc.iter_mut().zip(x.chunks(LANES)) {
                        *acc = s.add(*acc, s.load_head(x));
                    }
                }
            }
            for (acc, sums) in acc.iter().zip(sums.chunks_mut(LANES)) {
                s.store_head(sums, *acc);
            }
            col += sums.len();
        }
    }
}

/// Multiplies row i of `x` by `scale[i]`.
///
/// # Panics
/// If `x` is not a matrix of `scale.len()` rows.
pub fn scale_rows(isa: Isa, scale: &[f32], x: &mut [f32]) {
    let rows = scale.len();
    let cols = x.len().checked_div(rows).unwrap_or(0);
    assert_eq!(x.len(), rows * cols, "{} elements do not make a matrix of {rows} rows", x.len());
    if cols == 0 {
        return;
    }
    let deep = rows_per_chunk(cols);
    let tasks = x.chunks_mut(deep * cols).zip(scale.chunks(deep)).map(|(x, scale)| Rows { x, scale, cols });
    run_all(isa, tasks);
}

struct Rows<'a> {
    x: &'a mut [f32],
    scale: &'a [f32],
    cols: usize,
}

impl Task for Rows<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (row, &scale) in self.x.chunks_exact_mut(self.cols).zip(self.scale) {
            let scale = s.splat(scale);
            for x in row.chunks_mut(LANES) {
                s.store_head(x, s.mul(scale, s.load_head(x)));
            }
        }
    }
}
