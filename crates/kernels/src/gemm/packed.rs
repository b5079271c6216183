//! Products of any shape, on packed copies of both factors: packing, blocks of k, and the split into jobs.

use super::matrix::{MatRef, Zeros};
use super::nonzero::{NonzeroSteps, nonzero_columns, nonzero_steps};
use super::output::{Accumulate, Epilogue, OutputTile, SharedC};
use super::pack::pack;
use super::packed_tile::{PanelOfB, Prefetch, tile};
use super::tiles::{TileSize, Tiles};
use crate::simd::{Isa, LANES, Simd, Task};
use crate::system::parallel::{part, run_all};
use crate::system::scratch::Scratch;
use std::ops::Range;

/// The most steps of k in a block: a packed panel of B (32 columns) then takes 100 KB and stays in the second-level cache.
/// Shorter blocks, which fit into the first level, were no faster.
const MAX_DEPTH: usize = if cfg!(miri) { 16 } else { 800 };
/// Products below this many multiplications are computed by the calling thread alone: a fork costs microseconds.
const SMALL: usize = if cfg!(miri) { 1 << 11 } else { 1 << 17 };
/// The most jobs a product is split into, and the fewest rows in each.
const MAX_JOBS: usize = 8;
const MIN_ROWS: usize = if cfg!(miri) { 4 } else { 32 };
/// The number of tasks that pack A.
const PACK_JOBS: usize = 4;

/// How a product is split. Depends on the shapes and on the instruction set's tile only, never on threads.
#[derive(Clone, Copy)]
struct Plan {
    /// Columns of C in a panel: as many as a tile.
    panel: usize,
    row_jobs: usize,
    col_jobs: usize,
    depth_blocks: usize,
}

impl Plan {
    fn new(isa: Isa, m: usize, n: usize, k: usize) -> Self {
        let panel = isa.run(TileSize).1;
        let (mut row_jobs, mut col_jobs) = (1, 1);
        if (m * n).saturating_mul(k) >= SMALL {
            col_jobs = n.div_ceil(panel).clamp(1, MAX_JOBS);
            row_jobs = (m / MIN_ROWS).clamp(1, MAX_JOBS / col_jobs);
        }
        Plan { panel, row_jobs, col_jobs, depth_blocks: k.div_ceil(MAX_DEPTH).max(1) }
    }

    fn jobs(self) -> usize {
        self.row_jobs * self.col_jobs
    }
}

/// [`super::matmul::matmul`] for any product. The shapes have been checked, and C is not empty.
pub(super) fn run(isa: Isa, a: MatRef, b: MatRef, c: &mut [f32], accumulate: Accumulate, epilogue: Epilogue) {
    let (m, n, k) = (a.rows, b.cols, a.cols);
    let plan = Plan::new(isa, m, n, k);
    let c = SharedC::new(c, m, n);
    let mut scratch = Scratch::take();
    let packed_a = scratch.get(m * k);
    let nonzero = pack_a(isa, a, plan, packed_a);
    let packed_a = &*packed_a;
    let jobs = (0..plan.jobs())
        .map(|i| Job {
            packed_a,
            nonzero: &nonzero,
            b,
            c,
            accumulate,
            epilogue,
            plan,
            rows: part(m, plan.row_jobs, i / plan.col_jobs),
            panels: part(n.div_ceil(plan.panel), plan.col_jobs, i % plan.col_jobs),
        })
        .collect();
    run_all(isa, jobs);
}

/// Packs all of A: the tile that starts at row r lies at `packed[r * k..]` as `[k][rows of the tile]`. Returns the nonzero
/// steps of each tile, at the index of the tile's first row.
fn pack_a(isa: Isa, a: MatRef, plan: Plan, packed: &mut [f32]) -> Vec<NonzeroSteps> {
    let groups = if plan.jobs() == 1 { 1 } else { PACK_JOBS };
    let tile_rows = isa.run(TileSize).0;
    let mut all = Vec::new();
    for i in 0..plan.row_jobs {
        let tiles = Tiles::new(part(a.rows, plan.row_jobs, i), tile_rows);
        all.extend((0..tiles.count).map(|i| tiles.get(i)));
    }
    let mut nonzero = vec![None; a.rows];
    let listed = a.zeros == Zeros::Many && a.col_stride == 1 && plan.depth_blocks == 1;
    let (mut rest, mut rest_nonzero) = (packed, nonzero.as_mut_slice());
    let mut work = Vec::with_capacity(groups);
    for group in 0..groups {
        let tiles = &all[part(all.len(), groups, group)];
        let rows: usize = tiles.iter().map(Range::len).sum();
        let (here, after) = rest.split_at_mut(rows * a.cols);
        let (here_nonzero, after_nonzero) = rest_nonzero.split_at_mut(rows);
        (rest, rest_nonzero) = (after, after_nonzero);
        work.push(PackA { a, tiles, packed: here, nonzero: if listed { here_nonzero } else { &mut [] } });
    }
    run_all(isa, work);
    nonzero
}

/// Packs some neighbouring tiles of A.
struct PackA<'a> {
    a: MatRef<'a>,
    tiles: &'a [Range<usize>],
    packed: &'a mut [f32],
    /// One for each row of the tiles; empty where no steps are skipped.
    nonzero: &'a mut [NonzeroSteps],
}

impl Task for PackA<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let a = self.a;
        let Some(first) = self.tiles.first() else {
            return;
        };
        // A block of k at a time over all tiles, so that the rows of a transposed A are read along their length.
        let block = if a.row_stride == 1 { 16 } else { a.cols.max(1) };
        for from in (0..a.cols).step_by(block) {
            let depth = from..(from + block).min(a.cols);
            for rows in self.tiles {
                let start = (rows.start - first.start) * a.cols;
                let out = start + depth.start * rows.len()..start + depth.end * rows.len();
                pack(s, a.t().strip(rows.clone(), depth.clone()), rows.len(), &mut self.packed[out]);
            }
        }
        if !self.nonzero.is_empty() {
            let mut marks = vec![0; a.cols];
            for rows in self.tiles {
                self.nonzero[rows.start - first.start] = nonzero_columns(a, rows.clone(), &mut marks);
            }
        }
    }
}

/// One job: some rows and some panels of columns of C, over all of k.
struct Job<'a> {
    packed_a: &'a [f32],
    /// The nonzero steps of each tile, at the index of its first row.
    nonzero: &'a [NonzeroSteps],
    b: MatRef<'a>,
    c: SharedC<'a>,
    accumulate: Accumulate,
    epilogue: Epilogue<'a>,
    plan: Plan,
    rows: Range<usize>,
    panels: Range<usize>,
}

impl Task for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut scratch = Scratch::take();
        let blocks = self.plan.depth_blocks;
        for block in 0..blocks {
            let depth = part(self.b.rows, blocks, block);
            for panel in self.panels.clone() {
                let cols = (self.b.cols - panel * self.plan.panel).min(self.plan.panel);
                if S::TILE_VECTORS == 2 && cols > LANES {
                    column::<S, 2>(s, &self, block, depth.clone(), panel, &mut scratch);
                } else {
                    column::<S, 1>(s, &self, block, depth.clone(), panel, &mut scratch);
                }
            }
        }
    }
}

/// One panel of B against all the job's rows, over a block of k.
#[inline(always)]
fn column<S: Simd, const NV: usize>(
    s: S,
    job: &Job,
    block: usize,
    depth: Range<usize>,
    panel: usize,
    scratch: &mut Scratch,
) {
    let (b, k) = (job.b, job.b.rows);
    let width = NV * LANES;
    let packed = scratch.get(depth.len() * width);
    let col = panel * job.plan.panel;
    let cols = (b.cols - col).min(width);
    let source = b.from(depth.start, col);
    let listed = b.zeros == Zeros::Many && b.col_stride == 1 && job.plan.depth_blocks == 1;
    let pack_on_the_way = b.col_stride == 1 && cols == width && !listed;
    if !pack_on_the_way {
        pack(s, b.strip(col..col + cols, depth.clone()), width, packed);
    }
    let nonzero = if listed { nonzero_steps::<NV>(packed) } else { None };
    // While this panel is used, the next one is prefetched, a share of it with every tile.
    let next = if panel + 1 < job.panels.end { col + width..(col + 2 * width).min(b.cols) } else { 0..0 };
    let tiles = Tiles::new(job.rows.clone(), S::TILE_ROWS);
    for i in 0..tiles.count {
        let rows = tiles.get(i);
        let a = &job.packed_a[rows.start * k..rows.end * k];
        let a = &a[depth.start * rows.len()..depth.end * rows.len()];
        let b_panel = if i == 0 && pack_on_the_way {
            PanelOfB::Unpacked { source, stride: b.row_stride, packed }
        } else if let Some(steps) = job.nonzero[rows.start].as_ref().or(nonzero.as_ref()) {
            PanelOfB::Nonzero { packed, steps }
        } else {
            PanelOfB::Packed(packed)
        };
        let prefetch = if b.row_stride == 1 {
            let count = next.len().div_ceil(tiles.count);
            let data = b.from(depth.start, (next.start + i * count).min(next.end));
            Prefetch::Columns { data, count, stride: b.col_stride }
        } else {
            let count = if next.is_empty() || pack_on_the_way { 0 } else { depth.len().div_ceil(tiles.count) };
            let data = b.from((depth.start + i * count).min(depth.end), next.start);
            Prefetch::Rows { data, count, stride: b.row_stride }
        };
        let out = OutputTile {
            c: job.c,
            row: rows.start,
            col,
            cols,
            accumulate: if block == 0 { job.accumulate } else { Accumulate::FromC },
            epilogue: if block + 1 == job.plan.depth_blocks { job.epilogue } else { Epilogue::Nothing },
        };
        // SAFETY: no two jobs share both a row and a column of C, and a job runs on one thread.
        unsafe { tile::<S, NV>(s, rows.len(), a, b_panel, prefetch, out) };
    }
}
