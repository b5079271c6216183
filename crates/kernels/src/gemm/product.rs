//! Products of any shape: the choice between C and its transpose, and the split into jobs.
//!
//! One factor (the left one) is read where it lies; the other is copied panel by panel into the order in which the tiles
//! read it. C = A B has A on the left, C^T = B^T A^T has B: every element has the same terms in the same order, and so the same
//! bytes. What is cheaper depends on which factor is the smaller, and on the columns that are padded to whole vectors.

use super::matrix::{MatRef, Order, Zeros};
use super::output::{Epilogue, OutputTile, SharedC};
use super::pack::{pack, pack_tile};
use super::sparse;
use super::tile::{Left, Panel, tile};
use super::tiles::{MAX_HEIGHT, TileSize, cut, rows_of};
use crate::simd::{Isa, LANES, Simd, Task};
use crate::system::parallel::{part, run_all, threads};
use crate::system::scratch::Scratch;
use std::ops::Range;

/// Products below this many multiplications are computed by the calling thread alone: a fork costs microseconds.
const SMALL: usize = if cfg!(miri) { 1 << 11 } else { 1 << 18 };
/// Jobs for each thread, so that a thread that comes late finds some left: many, but few where each job of the same panel
/// transposes it again.
const MANY_JOBS: usize = 8;
const FEW_JOBS: usize = 4;
/// The fewest rows of a job that packs its panel.
const MIN_ROWS: usize = if cfg!(miri) { 4 } else { 192 };
/// The cost of copying an element, and of transposing one, in multiplications of a product that runs at full speed.
const COPY_COST: usize = 2;
const TRANSPOSE_COST: usize = 20;
/// The tasks that pack the left factor, and the steps of k that each packs at a time.
const PACK_JOBS: usize = 4;
const PACKED_STEPS: usize = 16;
/// The most rows of the left factor for which a panel is read where it lies: with more tiles a copy pays.
const MAX_ROWS_IN_PLACE: usize = 48;

/// [`super::matmul::matmul`] for any product. The shapes have been checked, and C is not empty.
pub(super) fn run(isa: Isa, a: MatRef, b: MatRef, c: &mut [f32], epilogue: Epilogue) {
    let (m, n) = (a.rows, b.cols);
    let c = SharedC::new(c, m, n);
    if !is_small(a, b) && a.zeros == Zeros::Many {
        sparse::product(isa, a, b, Destination::Itself { c, epilogue });
    } else if !is_small(a, b) && b.zeros == Zeros::Many {
        sparse::product(isa, b.t(), a.t(), Destination::Transpose { c, epilogue });
    } else if cost(b.t(), a.t()) + m * n * TRANSPOSE_COST < cost(a, b) {
        product(isa, b.t(), a.t(), Destination::Transpose { c, epilogue });
    } else {
        product(isa, a, b, Destination::Itself { c, epilogue });
    }
}

/// Whether the product of `left` and `right` is not worth a fork.
fn is_small(left: MatRef, right: MatRef) -> bool {
    (left.rows * right.cols).saturating_mul(left.cols) < SMALL
}

/// What the product of `left` and `right` costs, in multiplications: on the columns padded to vectors, and for copies.
fn cost(left: MatRef, right: MatRef) -> usize {
    let pack_left = match left.order {
        Order::Rows => 0,
        Order::Columns => COPY_COST,
    };
    let pack_right = match right.order {
        Order::Rows => COPY_COST,
        Order::Columns => TRANSPOSE_COST,
    };
    left.cols.saturating_mul(left.rows * (right.cols.next_multiple_of(LANES) + pack_left) + right.cols * pack_right)
}

/// Where the product of a left and a right factor goes.
#[derive(Clone, Copy)]
pub(super) enum Destination<'a> {
    /// C is the product.
    Itself { c: SharedC<'a>, epilogue: Epilogue<'a> },
    /// C is the transpose of the product.
    Transpose { c: SharedC<'a>, epilogue: Epilogue<'a> },
}

/// Splits a product into jobs of one panel of columns each, by rows as well where there are few panels. No bit depends on
/// the split.
fn product(isa: Isa, left: MatRef, right: MatRef, to: Destination) {
    let (tile_rows, width) = isa.run(TileSize);
    let tiles = cut(left.rows, tile_rows);
    let panels = right.cols.div_ceil(width);
    let small = is_small(left, right);
    let mut scratch = Scratch::take();
    let packed = (left.order == Order::Columns).then(|| {
        let packed = scratch.get(left.rows * left.cols);
        pack_left(isa, left, &tiles, if small { 1 } else { PACK_JOBS }, packed);
        &*packed
    });
    let job = |panel: usize, tiles| {
        let columns = panel * width..((panel + 1) * width).min(right.cols);
        Job { left, packed, right, to, tiles, columns }
    };
    if small {
        return (0..panels).for_each(|panel| isa.run(job(panel, &tiles)));
    }
    let threads = threads();
    let (wanted, least_rows) = match right.order {
        Order::Rows if reads_in_place(left, right) => ((MANY_JOBS * threads).div_ceil(panels), 4 * tile_rows),
        Order::Rows => ((MANY_JOBS * threads).div_ceil(panels), MIN_ROWS),
        // Here the rows are those of a weight: the thread that reads some of them in a step has mostly updated them.
        Order::Columns => ((FEW_JOBS * threads).div_ceil(panels).max(threads), MIN_ROWS),
    };
    let row_jobs = wanted.min(left.rows / least_rows).max(1);
    let all = (0..row_jobs).flat_map(|i| {
        let tiles = &tiles[part(tiles.len(), row_jobs, i)];
        (0..panels).map(move |panel| (panel, tiles))
    });
    run_all(isa, all.map(|(panel, tiles)| job(panel, tiles)));
}

/// Packs the left factor: the tile that starts at row r lies at `packed[r * k..]` as `[k][rows of the tile]`.
fn pack_left(isa: Isa, left: MatRef, tiles: &[Range<usize>], jobs: usize, packed: &mut [f32]) {
    let mut rest = packed;
    let mut work = Vec::with_capacity(jobs);
    for i in 0..jobs {
        let tiles = &tiles[part(tiles.len(), jobs, i)];
        let (here, after) = rest.split_at_mut(rows_of(tiles).len() * left.cols);
        rest = after;
        work.push(PackLeft { left, tiles, packed: here });
    }
    run_all(isa, work);
}

/// Packs some neighbouring tiles of the left factor.
struct PackLeft<'a> {
    left: MatRef<'a>,
    tiles: &'a [Range<usize>],
    packed: &'a mut [f32],
}

impl Task for PackLeft<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let PackLeft { left, tiles, packed } = self;
        let first = rows_of(tiles).start;
        // A block of k at a time over all tiles, so that the columns are read along their length.
        for from in (0..left.cols).step_by(PACKED_STEPS) {
            let depth = from..(from + PACKED_STEPS).min(left.cols);
            for rows in tiles {
                let start = (rows.start - first) * left.cols;
                let out = start + depth.start * rows.len()..start + depth.end * rows.len();
                pack_tile(s, left, rows.clone(), depth.clone(), &mut packed[out]);
            }
        }
    }
}

/// Some rows and one panel of columns of the product, over all of k.
struct Job<'a> {
    left: MatRef<'a>,
    /// The left factor packed, where its columns are contiguous.
    packed: Option<&'a [f32]>,
    right: MatRef<'a>,
    to: Destination<'a>,
    tiles: &'a [Range<usize>],
    columns: Range<usize>,
}

impl<'a> Job<'a> {
    /// The rows of a tile.
    #[inline(always)]
    fn left(&self, rows: &Range<usize>) -> Left<'a> {
        let depth = self.left.cols;
        match self.packed {
            Some(packed) => Left::Packed(&packed[rows.start * depth..rows.end * depth]),
            None => Left::Rows { data: self.left.from(rows.start, 0), stride: depth },
        }
    }
}

impl Task for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if S::TILE_VECTORS == 2 && self.columns.len() > LANES {
            panel::<S, 2>(s, &self);
        } else {
            panel::<S, 1>(s, &self);
        }
    }

    /// The product's shape: rows x inner x columns, of C or of its transpose.
    #[cfg(feature = "timeline")]
    fn name(&self) -> String {
        format!("product {} x {} x {}", self.left.rows, self.left.cols, self.right.cols)
    }
}

/// Whether whole panels are read where they lie: the rows are contiguous, and not 1 KB, 2 KB, ... apart, which compete for a
/// few sets of the first-level cache.
#[inline(always)]
fn reads_in_place(left: MatRef, right: MatRef) -> bool {
    let contiguous = right.order == Order::Rows && !right.cols.is_multiple_of(256);
    contiguous && left.rows <= MAX_ROWS_IN_PLACE
}

/// Packs the panel, and runs all tiles over it.
#[inline(always)]
fn panel<S: Simd, const NV: usize>(s: S, job: &Job) {
    let Job { left, right, to, tiles, ref columns, .. } = *job;
    let in_place = columns.len() == NV * LANES && reads_in_place(left, right);
    let mut scratch = Scratch::take();
    let panel = if in_place {
        Panel::<NV>::new(right.from(0, columns.start), right.cols, right.rows)
    } else {
        let packed = scratch.get(right.rows * NV * LANES);
        pack(s, right, columns.clone(), panel_of::<NV>(packed));
        Panel::<NV>::new(packed, NV * LANES, right.rows)
    };
    match to {
        Destination::Itself { c, epilogue } => {
            let mut sums = [[[0.0; LANES]; NV]; MAX_HEIGHT];
            for rows in tiles {
                let sums = &mut sums[..rows.len()];
                let out = OutputTile { c, row: rows.start, col: columns.start, cols: columns.len(), epilogue };
                for r in 0..rows.len() {
                    out.prefetch_row(s, r);
                }
                // SAFETY: no two jobs share both a row and a column of C, and a job runs on one thread.
                unsafe {
                    tile(s, job.left(rows), panel, sums);
                    out.store(s, sums);
                }
            }
        }
        Destination::Transpose { c, epilogue } => {
            let rows = rows_of(tiles);
            let mut scratch = Scratch::take();
            let product = panel_of::<NV>(scratch.get(rows.len() * NV * LANES));
            for tile_rows in tiles {
                let sums = &mut product[tile_rows.start - rows.start..tile_rows.end - rows.start];
                tile(s, job.left(tile_rows), panel, sums);
            }
            // SAFETY: no two jobs share both a row and a column of C, and a job runs on one thread.
            unsafe { store_transpose(s, product, rows, columns.clone(), c, epilogue) };
        }
    }
}

/// Rows of `NV` vectors.
#[inline(always)]
pub(super) fn panel_of<const NV: usize>(floats: &mut [f32]) -> &mut [[[f32; LANES]; NV]] {
    floats.as_chunks_mut::<LANES>().0.as_chunks_mut::<NV>().0
}

/// Writes the transpose of `product` to the rows `columns` and the columns `rows` of C, after the epilogue.
///
/// # Safety
/// No other thread may touch this part of C meanwhile, and it must lie inside C.
#[inline(always)]
pub(super) unsafe fn store_transpose<S: Simd, const NV: usize>(
    s: S,
    product: &[[[f32; LANES]; NV]],
    rows: Range<usize>,
    columns: Range<usize>,
    c: SharedC,
    epilogue: Epilogue,
) {
    for (v, row) in columns.clone().step_by(LANES).enumerate() {
        for (block, col) in product.chunks(LANES).zip(rows.clone().step_by(LANES)) {
            let mut lanes = [s.splat(0.0); LANES];
            match block.as_array::<LANES>() {
                // A count known to the compiler keeps them in registers.
                Some(block) => {
                    for l in 0..LANES {
                        lanes[l] = s.load(&block[l][v]);
                    }
                }
                None => {
                    for l in 0..block.len() {
                        lanes[l] = s.load(&block[l][v]);
                    }
                }
            }
            let out = OutputTile { c, row, col, cols: block.len(), epilogue };
            // SAFETY: the caller's promise; rows and columns are cut off at the part's edges.
            unsafe { out.store_rows(s, s.transpose(lanes), (columns.end - row).min(LANES)) };
        }
    }
}
