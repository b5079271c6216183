//! Products with few columns (a latent space, a bottleneck), where packing A would cost as much as multiplying: A is
//! read in place.
//!
//! The tile broadcasts the elements of A one by one, so A can be read in any order as long as its rows or its columns are
//! contiguous. Only panels of B that are not rows of whole vectors are packed.
//!
//! Columns are padded to whole vectors: 20 columns cost as much as 32. Where the padding wastes more than a transposition
//! costs, C^T = B^T A^T is computed instead, whose columns are the rows of C. The terms of each element and their
//! order stay the same, and so do its bits.
//!
//! Under Miri limits are lower, here and in `packed`, so that products of a few hundred elements take every path.

use super::matrix::MatRef;
use super::narrow_tile::{Broadcast, MAX_POINTERS, tile};
use super::output::{Accumulate, Epilogue, OutputTile, SharedC};
use super::pack::{Strip, pack};
use super::tiles::{TileSize, Tiles};
use crate::simd::{Isa, LANES, Simd, Task};
use crate::system::parallel::{part, run_all};
use crate::system::scratch::Scratch;
use std::ops::Range;

/// The most columns: few tiles then read the same rows of A. (With many columns and few rows or few steps of k nothing is
/// gained: writing C to memory dominates.)
const NARROW: usize = if cfg!(miri) { 20 } else { 64 };
/// The most steps of k: a packed panel of B (32 columns) must stay in the second-level cache.
const MAX_DEPTH: usize = 2048;
/// Multiplications in a job, about 10 us, and the most jobs: a fork costs microseconds.
const JOB: usize = if cfg!(miri) { 1 << 10 } else { 1 << 19 };
const MAX_JOBS: usize = 8;
/// A product of at least this many panels is split by panels, any other by rows.
const SPLIT_PANELS: usize = 4;
/// The cost of transposing an element, in multiplications of a product that runs at full speed.
const TRANSPOSE_COST: usize = 20;

/// Whether [`run`] serves a product.
pub(super) fn suits(a: MatRef, b: MatRef) -> bool {
    let (n, k) = (b.cols, a.cols);
    let contiguous = |x: MatRef| x.row_stride == 1 || x.col_stride == 1;
    n <= NARROW && k <= MAX_DEPTH && contiguous(a) && contiguous(b)
}

/// [`super::matmul::matmul`] for a product that [`suits`]. The shapes have been checked, and C is not empty.
pub(super) fn run(isa: Isa, a: MatRef, b: MatRef, c: &mut [f32], accumulate: Accumulate, epilogue: Epilogue) {
    let (m, n) = (a.rows, b.cols);
    if cost(b.t(), a.t()) + m * n * TRANSPOSE_COST >= cost(a, b) {
        return product(isa, a, b, c, accumulate, epilogue);
    }
    let mut scratch = Scratch::take();
    let transposed = scratch.get(m * n);
    match accumulate {
        Accumulate::FromZero => {}
        Accumulate::FromC => isa.run(TransposeIn { c, n, transposed }),
    }
    product(isa, b.t(), a.t(), transposed, accumulate, Epilogue::Nothing);
    let c = SharedC::new(c, m, n);
    isa.run(TransposeOut { transposed, c, m, n, epilogue });
}

/// What the product of A and B costs, in multiplications: on the columns padded to vectors, and for the packing of B.
fn cost(a: MatRef, b: MatRef) -> usize {
    let transpose = if b.col_stride == 1 { 1 } else { TRANSPOSE_COST };
    let padded = b.cols.next_multiple_of(LANES);
    a.cols * (a.rows * padded + b.cols * transpose)
}

/// [`run`] without a transposition.
fn product(isa: Isa, a: MatRef, b: MatRef, c: &mut [f32], accumulate: Accumulate, epilogue: Epilogue) {
    let (m, n, k) = (a.rows, b.cols, a.cols);
    let c = SharedC::new(c, m, n);
    let width = isa.run(TileSize).1;
    let panels = n.div_ceil(width);
    let jobs = ((m * n).saturating_mul(k) / JOB).clamp(1, MAX_JOBS);
    let job = Job { a, b, c, accumulate, epilogue, width, rows: 0..m, panels: 0..panels, packed: None };
    if jobs == 1 || panels >= SPLIT_PANELS {
        let by_panels = |i| Job { panels: part(panels, jobs.min(panels), i), ..job.clone() };
        run_all(isa, (0..jobs.min(panels)).map(by_panels).collect());
    } else {
        // All jobs need all of B, which is small: it is packed once for all of them.
        let mut scratch = Scratch::take();
        let packed = scratch.get(panels * width * k);
        isa.run(PackB { job: &job, packed });
        let packed = &*packed;
        let by_rows = |i| Job { rows: part(m, jobs.min(m), i), packed: Some(packed), ..job.clone() };
        run_all(isa, (0..jobs.min(m)).map(by_rows).collect());
    }
}

/// Some rows and some panels of columns of C, over all of k.
#[derive(Clone)]
struct Job<'a> {
    a: MatRef<'a>,
    b: MatRef<'a>,
    c: SharedC<'a>,
    accumulate: Accumulate,
    epilogue: Epilogue<'a>,
    /// Columns in a panel: as many as a tile.
    width: usize,
    rows: Range<usize>,
    panels: Range<usize>,
    /// All panels of B, where the caller has packed them.
    packed: Option<&'a [f32]>,
}

impl<'a> Job<'a> {
    /// The columns of a panel.
    #[inline(always)]
    fn columns(&self, panel: usize) -> Range<usize> {
        panel * self.width..((panel + 1) * self.width).min(self.b.cols)
    }

    /// A panel in the matrix itself, if its rows are whole vectors and do not compete for a few sets of the first-level
    /// cache (as rows 1 KB, 2 KB, ... apart do).
    #[inline(always)]
    fn in_place(&self, cols: &Range<usize>) -> Option<(&'a [f32], usize)> {
        let b = self.b;
        let whole = b.col_stride == 1 && cols.len().is_multiple_of(LANES);
        (whole && !b.row_stride.is_multiple_of(256)).then_some((b.from(0, cols.start), b.row_stride))
    }

    /// Packs the columns `cols` of B.
    #[inline(always)]
    fn pack<S: Simd>(&self, s: S, cols: Range<usize>, packed: &mut [f32]) {
        let width = cols.len().next_multiple_of(LANES);
        pack(s, self.b.strip(cols, 0..self.b.rows), width, packed);
    }
}

impl Task for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut scratch = Scratch::take();
        for panel in self.panels.clone() {
            if S::TILE_VECTORS == 2 && self.columns(panel).len() > LANES {
                column::<S, 2>(s, &self, panel, &mut scratch);
            } else {
                column::<S, 1>(s, &self, panel, &mut scratch);
            }
        }
    }
}

/// One panel of B against all the job's rows.
#[inline(always)]
fn column<S: Simd, const NV: usize>(s: S, job: &Job, panel: usize, scratch: &mut Scratch) {
    let cols = job.columns(panel);
    let (k, width) = (job.b.rows, NV * LANES);
    let (b, stride) = match (job.in_place(&cols), job.packed) {
        (Some(in_place), _) => in_place,
        (None, Some(packed)) => (&packed[panel * job.width * k..][..k * width], width),
        (None, None) => {
            let packed = scratch.get(k * width);
            job.pack(s, cols.clone(), packed);
            (&*packed, width)
        }
    };
    let tile_rows = if job.a.col_stride == 1 { S::TILE_ROWS.min(MAX_POINTERS) } else { S::TILE_ROWS };
    let tiles = Tiles::new(job.rows.clone(), tile_rows);
    for i in 0..tiles.count {
        let rows = tiles.get(i);
        let a = Broadcast {
            data: job.a.from(rows.start, 0),
            row_stride: job.a.row_stride,
            depth_stride: job.a.col_stride,
            depth: k,
        };
        let out = OutputTile {
            c: job.c,
            row: rows.start,
            col: cols.start,
            cols: cols.len(),
            accumulate: job.accumulate,
            epilogue: job.epilogue,
        };
        // SAFETY: no two jobs share both a row and a column of C, and a job runs on one thread.
        unsafe { tile::<S, NV>(s, rows.len(), a, b, stride, out) };
    }
}

/// Packs those panels of B that cannot be used in place.
struct PackB<'a> {
    job: &'a Job<'a>,
    packed: &'a mut [f32],
}

impl Task for PackB<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let k = self.job.b.rows;
        for panel in self.job.panels.clone() {
            let cols = self.job.columns(panel);
            if self.job.in_place(&cols).is_none() {
                let len = cols.len().next_multiple_of(LANES) * k;
                let to = &mut self.packed[panel * self.job.width * k..][..len];
                self.job.pack(s, cols, to);
            }
        }
    }
}

/// Writes the transpose of C, which has `n` columns, to `transposed`.
struct TransposeIn<'a> {
    c: &'a [f32],
    n: usize,
    transposed: &'a mut [f32],
}

impl Task for TransposeIn<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let rows = self.c.len() / self.n;
        let strip = Strip { data: self.c, lanes: rows, depth: self.n, lane_stride: self.n, depth_stride: 1 };
        pack(s, strip, rows, self.transposed);
    }
}

/// Writes the transpose of `transposed` to C, after the epilogue.
struct TransposeOut<'a> {
    transposed: &'a [f32],
    c: SharedC<'a>,
    m: usize,
    n: usize,
    epilogue: Epilogue<'a>,
}

impl Task for TransposeOut<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for row in (0..self.m).step_by(LANES) {
            let rows = (self.m - row).min(LANES);
            for col in (0..self.n).step_by(LANES) {
                let cols = (self.n - col).min(LANES);
                let mut block = [s.splat(0.0); LANES];
                for (j, block) in block.iter_mut().enumerate().take(cols) {
                    let from = &self.transposed[(col + j) * self.m + row..][..rows];
                    *block = match from.as_chunks::<LANES>() {
                        ([whole], []) => s.load(whole),
                        _ => s.load_head(from),
                    };
                }
                let block = s.transpose(block);
                for (i, sums) in block.into_iter().enumerate().take(rows) {
                    let out = OutputTile {
                        c: self.c,
                        row: row + i,
                        col,
                        cols,
                        accumulate: Accumulate::FromZero,
                        epilogue: self.epilogue,
                    };
                    // SAFETY: nothing else runs while C is written, and rows and columns are cut off at its edges.
                    unsafe { out.store::<S, 1, 1>(s, [[sums]]) };
                }
            }
        }
    }
}
