//! Column sums (gradients of biases) and the ReLU with its backward pass.

use super::dispatch::Isa;
use super::parallel::{CHUNK, run_all};
use super::simd::{LANES, Simd, Task};

/// Columns summed by one task: four vectors, so that each step down the rows reads whole cache lines.
const STRIP: usize = 4 * LANES;

/// `sums[j]` = x\[0, j\] + x\[1, j\] + ..., each column added from the first row to the last. `x` is row-major,
/// rows x `sums.len()`.
///
/// # Panics
/// If `x` is not `rows` x `sums.len()`.
pub fn column_sums(isa: Isa, x: &[f32], rows: usize, sums: &mut [f32]) {
    let cols = sums.len();
    assert_eq!(x.len(), rows * cols, "a {rows} x {cols} matrix needs {} elements, not {}", rows * cols, x.len());
    let width = if x.len() < CHUNK { cols.max(1) } else { 2 * STRIP };
    let tasks =
        sums.chunks_mut(width).enumerate().map(|(i, sums)| Strip { x, rows, cols, from: i * width, sums }).collect();
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

/// y = max(x, 0); NaN stays NaN.
///
/// # Panics
/// If the lengths differ.
pub fn relu(isa: Isa, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "input and output differ in length");
    let tasks = x.chunks(CHUNK).zip(y.chunks_mut(CHUNK)).map(|(x, y)| Gate { x, gate: x, y, keep_nan: true }).collect();
    run_all(isa, tasks);
}

/// dx = dy where the ReLU's output `y` is above 0, else +0.
///
/// # Panics
/// If the lengths differ.
pub fn relu_backward(isa: Isa, dy: &[f32], y: &[f32], dx: &mut [f32]) {
    assert!(
        dy.len() == y.len() && dy.len() == dx.len(),
        "gradients and output differ in length: {}, {}, {}",
        dy.len(),
        y.len(),
        dx.len()
    );
    let tasks = dy
        .chunks(CHUNK)
        .zip(y.chunks(CHUNK))
        .zip(dx.chunks_mut(CHUNK))
        .map(|((x, gate), y)| Gate { x, gate, y, keep_nan: false })
        .collect();
    run_all(isa, tasks);
}

/// y = x where `gate` is above 0, else 0; with `keep_nan`, max(x, 0) instead.
struct Gate<'a> {
    x: &'a [f32],
    gate: &'a [f32],
    y: &'a mut [f32],
    keep_nan: bool,
}

impl Task for Gate<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let zero = s.splat(0.0);
        for ((x, gate), y) in self.x.chunks(LANES).zip(self.gate.chunks(LANES)).zip(self.y.chunks_mut(LANES)) {
            let (x, gate) = (s.load_head(x), s.load_head(gate));
            let kept = if self.keep_nan { s.max(zero, x) } else { s.if_greater(gate, zero, x, zero) };
            s.store_head(y, kept);
        }
    }
}
