//! Products whose left factor is mostly 0, as images are: only the steps of k count at which some row of a tile is not 0.
//!
//! A tile is low and wide, as the fewer rows it has the more steps fall away: 19% of MNIST's pixels are not 0, and there is
//! one of them in 58% of all runs of sixteen neighbours, but in 28% of those of four. The steps of all tiles are listed
//! first, while the right factor is copied into panels.
//!
//! The gradient of a weight also leaves out the units that no image of the batch has switched on: the columns of the right
//! factor that are 0. Of a hidden layer that reads MNIST they are two in five.

use super::dead::{Clear, Gather, dead_columns};
use super::matrix::{MatRef, Order};
use super::output::{Epilogue, OutputTile};
use super::pack::pack;
use super::product::{Destination, panel_of, store_transpose};
use crate::simd::{Isa, LANES, Simd, Task};
use crate::system::parallel::{part, run_all, threads};
use crate::system::scratch::Scratch;
use std::ops::Range;

/// Rows of a tile.
const ROWS: usize = 4;
/// Tiles that are never in different jobs: as many rows as a vector has lanes, so that whole blocks are transposed.
const TILES_PER_BLOCK: usize = LANES / ROWS;
/// Tasks for each thread that list steps, and those that multiply, so that a thread that comes late finds some left: fewer
/// where each of them transposes a panel.
const LISTS: usize = 4;
const MANY_JOBS: usize = 8;
const FEW_JOBS: usize = 3;

/// The product of `left`, which is mostly 0, and `right`; neither is empty. No bit depends on the split into jobs.
pub(super) fn product(isa: Isa, left: MatRef, right: MatRef, to: Destination) {
    let depth = left.cols;
    let tiles = left.rows.div_ceil(ROWS);
    let mut scratch = Scratch::take();
    let steps = scratch.get::<u32>(tiles * depth);
    let mut lengths = vec![0; tiles];
    let each = tiles.div_ceil(LISTS * threads());
    let lists = steps.chunks_mut(each * depth).zip(lengths.chunks_mut(each)).enumerate();
    let lists = lists.map(|(i, (steps, lengths))| Prepare::List(Lists { left, first: i * each, steps, lengths }));

    let mut scratch = Scratch::take();
    let live;
    let (right, to) = match dead_columns(isa, right, to) {
        None => {
            run_all(isa, lists);
            (right, to)
        }
        Some((c, columns)) => {
            live = columns.live;
            let packed = scratch.get::<f32>(depth * live.len());
            let steps_each = depth.div_ceil(LISTS * threads());
            let chunks = packed.chunks_mut((steps_each * live.len()).max(1)).enumerate();
            let gathers =
                chunks.map(|(i, out)| Prepare::Gather(Gather { right, first: i * steps_each, live: &live, out }));
            let rows = columns.dead.chunks(columns.dead.len().div_ceil(LISTS * threads()));
            let clears = rows.map(|rows| Prepare::Clear(Clear { c, rows, cols: left.rows }));
            run_all(isa, lists.chain(gathers).chain(clears));
            if live.is_empty() {
                return;
            }
            let to = Destination::Transpose { c: c.choose(&live), epilogue: Epilogue::Nothing };
            (MatRef::new(packed, depth, live.len()), to)
        }
    };

    let (steps, lengths) = (&*steps, &*lengths);
    let width = isa.run(WidestPanel);
    let panels = right.cols.div_ceil(width);
    let blocks = tiles.div_ceil(TILES_PER_BLOCK);
    // Every job copies its panel.
    let wanted = match right.order {
        Order::Rows => MANY_JOBS,
        Order::Columns => FEW_JOBS,
    };
    let row_jobs = (wanted * threads()).div_ceil(panels).min(blocks);
    let mut jobs = Vec::with_capacity(panels * row_jobs);
    for columns in (0..right.cols).step_by(width).map(|start| start..(start + width).min(right.cols)) {
        for i in 0..row_jobs {
            let blocks = part(blocks, row_jobs, i);
            let tiles = blocks.start * TILES_PER_BLOCK..(blocks.end * TILES_PER_BLOCK).min(tiles);
            jobs.push(Job { left, right, steps, lengths, tiles, columns: columns.clone(), to });
        }
    }
    run_all(isa, jobs);
}

/// What comes before the tiles.
enum Prepare<'a> {
    List(Lists<'a>),
    Gather(Gather<'a>),
    Clear(Clear<'a>),
}

impl Task for Prepare<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self {
            Prepare::List(lists) => lists.run(s),
            Prepare::Gather(gather) => gather.run(),
            Prepare::Clear(clear) => clear.run(),
        }
    }
}

/// The most columns of a panel.
struct WidestPanel;

impl Task for WidestPanel {
    type Out = usize;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::LOW_TILE_VECTORS * LANES
    }
}

/// The vectors of a panel of some columns: 1, 2, 4, ...
#[inline(always)]
fn vectors(columns: &Range<usize>) -> usize {
    columns.len().div_ceil(LANES).next_power_of_two()
}

/// The values of a tile of the left factor.
trait Tile: Copy {
    /// Whether all rows have an element at the steps below `depth`.
    fn covers(self, depth: usize) -> bool;
    /// The elements of all rows at step `k`. Rows that the tile does not have are others' in their place.
    fn at(self, k: usize) -> [*const f32; ROWS];
}

/// Rows that are contiguous along k.
#[derive(Clone, Copy)]
struct Rows<'a>([&'a [f32]; ROWS]);

impl Tile for Rows<'_> {
    #[inline(always)]
    fn covers(self, depth: usize) -> bool {
        self.0.iter().all(|row| depth <= row.len())
    }
    #[inline(always)]
    fn at(self, k: usize) -> [*const f32; ROWS] {
        self.0.map(|row| row.as_ptr().wrapping_add(k))
    }
}

/// Rows that are neighbours in memory; the steps of k begin `stride` after each other.
#[derive(Clone, Copy)]
struct Columns<'a> {
    data: &'a [f32],
    stride: usize,
}

impl Tile for Columns<'_> {
    #[inline(always)]
    fn covers(self, depth: usize) -> bool {
        depth == 0 || (depth - 1) * self.stride + ROWS <= self.data.len()
    }
    #[inline(always)]
    fn at(self, k: usize) -> [*const f32; ROWS] {
        let start = self.data.as_ptr().wrapping_add(k * self.stride);
        [0, 1, 2, 3].map(|r| start.wrapping_add(r))
    }
}

/// The same of the last rows of a matrix, where these are fewer than a tile has.
#[derive(Clone, Copy)]
struct FewerColumns<'a> {
    data: &'a [f32],
    stride: usize,
    /// 1, 2 or 3.
    rows: usize,
}

impl Tile for FewerColumns<'_> {
    #[inline(always)]
    fn covers(self, depth: usize) -> bool {
        (1..ROWS).contains(&self.rows) && (depth == 0 || (depth - 1) * self.stride + self.rows <= self.data.len())
    }
    #[inline(always)]
    fn at(self, k: usize) -> [*const f32; ROWS] {
        let start = self.data.as_ptr().wrapping_add(k * self.stride);
        [0, 1, 2, 3].map(|r: usize| start.wrapping_add(r.min(self.rows - 1)))
    }
}

/// Evaluates an expression with `$tile` as the tile of `$left` that begins at row `$first`, by the way in which it lies.
macro_rules! with_tile {
    ($left:expr, $first:expr, $tile:ident => $result:expr) => {{
        let (left, first): (MatRef, usize) = ($left, $first);
        match left.order {
            Order::Rows => {
                let row = |r: usize| left.from((first + r).min(left.rows - 1), 0);
                let $tile = Rows([row(0), row(1), row(2), row(3)]);
                $result
            }
            Order::Columns if first + ROWS <= left.rows => {
                let $tile = Columns { data: left.from(first, 0), stride: left.rows };
                $result
            }
            Order::Columns => {
                let $tile = FewerColumns { data: left.from(first, 0), stride: left.rows, rows: left.rows - first };
                $result
            }
        }
    }};
}

/// Lists the steps of some tiles of the left factor from number `first` on, each list at the beginning of room for all of k.
struct Lists<'a> {
    left: MatRef<'a>,
    first: usize,
    steps: &'a mut [u32],
    lengths: &'a mut [usize],
}

impl Task for Lists<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Lists { left, first, steps, lengths } = self;
        for (i, (steps, length)) in steps.chunks_exact_mut(left.cols).zip(lengths).enumerate() {
            *length = with_tile!(left, (first + i) * ROWS, tile => list(tile, steps));
        }
    }
}

/// Writes the steps of k at which a tile is not 0 everywhere, and returns how many there are. NaN is not 0.
#[inline(always)]
fn list(tile: impl Tile, steps: &mut [u32]) -> usize {
    assert!(tile.covers(steps.len()), "a row ends early");
    let mut length = 0;
    for k in 0..steps.len() {
        // SAFETY: the step is below the number for which the tile has been asked.
        let values = tile.at(k).map(|x| unsafe { *x });
        // All bits but the signs.
        let mark = values.iter().fold(0, |mark, x| mark | x.to_bits() << 1);
        // No branch: a third of the steps are kept, in no pattern that a processor could predict.
        steps[length] = k as u32;
        length += usize::from(mark != 0);
    }
    length
}

/// Some tiles of rows and one panel of columns of the product.
struct Job<'a> {
    left: MatRef<'a>,
    right: MatRef<'a>,
    /// Of all tiles.
    steps: &'a [u32],
    lengths: &'a [usize],
    tiles: Range<usize>,
    columns: Range<usize>,
    to: Destination<'a>,
}

impl Job<'_> {
    /// The rows of the product in some tiles.
    #[inline(always)]
    fn rows(&self, tiles: Range<usize>) -> Range<usize> {
        tiles.start * ROWS..(tiles.end * ROWS).min(self.left.rows)
    }

    /// The sums of a tile times the job's panel.
    #[inline(always)]
    fn sums<S: Simd, const NV: usize>(
        &self,
        s: S,
        tile: usize,
        panel: &[[[f32; LANES]; NV]],
        sums: &mut [[[f32; LANES]; NV]; ROWS],
    ) {
        let depth = self.left.cols;
        let steps = &self.steps[tile * depth..][..self.lengths[tile]];
        with_tile!(self.left, tile * ROWS, tile => {
            assert!(depth <= panel.len() && tile.covers(depth), "a step outside of k");
            // SAFETY: `list` has written these steps, all of them below the depth. They are not checked again for every
            // panel, which would cost as much as a row of the tile.
            unsafe { sum(s, tile, steps, panel, sums) }
        });
    }
}

impl Task for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match vectors(&self.columns) {
            1 => multiply::<S, 1>(s, &self),
            // The block's constant keeps the compiler from making tiles that no panel has.
            2 if const { S::LOW_TILE_VECTORS >= 2 } => multiply::<S, 2>(s, &self),
            4 if const { S::LOW_TILE_VECTORS >= 4 } => multiply::<S, 4>(s, &self),
            vectors => unreachable!("no panel has {vectors} vectors"),
        }
    }

    /// The product's shape: rows x inner x columns.
    #[cfg(feature = "timeline")]
    fn name(&self) -> String {
        // How many columns are left changes from step to step.
        let columns = match self.to {
            Destination::Transpose { c, .. } if c.is_choice() => "live".to_owned(),
            Destination::Itself { .. } | Destination::Transpose { .. } => self.right.cols.to_string(),
        };
        format!("product {} x {} x {columns}, black left out", self.left.rows, self.left.cols)
    }
}

#[inline(always)]
fn multiply<S: Simd, const NV: usize>(s: S, job: &Job) {
    let mut scratch = Scratch::take();
    let panel = panel_of::<NV>(scratch.get(job.right.rows * NV * LANES));
    pack(s, job.right, job.columns.clone(), panel);
    match job.to {
        Destination::Itself { c, epilogue } => {
            let mut sums = [[[0.0; LANES]; NV]; ROWS];
            for tile in job.tiles.clone() {
                let rows = job.rows(tile..tile + 1);
                let out = OutputTile { c, row: rows.start, col: job.columns.start, cols: job.columns.len(), epilogue };
                job.sums(s, tile, panel, &mut sums);
                // SAFETY: no two jobs share both a row and a column of C, and a job runs on one thread.
                unsafe { out.store(s, &sums[..rows.len()]) };
            }
        }
        Destination::Transpose { c, epilogue } => {
            // A block of rows at a time, whose sums stay in the first-level cache.
            let mut sums = [[[[0.0; LANES]; NV]; ROWS]; TILES_PER_BLOCK];
            for start in job.tiles.clone().step_by(TILES_PER_BLOCK) {
                let tiles = start..(start + TILES_PER_BLOCK).min(job.tiles.end);
                let rows = job.rows(tiles.clone());
                for (tile, sums) in tiles.zip(&mut sums) {
                    job.sums(s, tile, panel, sums);
                }
                let sums = &sums.as_flattened()[..rows.len()];
                // SAFETY: no two jobs share both a row and a column of C, and a job runs on one thread.
                unsafe { store_transpose(s, sums, rows, job.columns.clone(), c, epilogue) };
            }
        }
    }
}

/// The sums of a tile times a panel over some steps of k.
///
/// # Safety
/// The panel must have a row, and the tile elements, at every step.
#[inline(always)]
unsafe fn sum<S: Simd, const NV: usize>(
    s: S,
    tile: impl Tile,
    steps: &[u32],
    panel: &[[[f32; LANES]; NV]],
    sums: &mut [[[f32; LANES]; NV]; ROWS],
) {
    let mut acc = [[s.splat(0.0); NV]; ROWS];
    for &k in steps {
        // SAFETY: the caller's promise.
        unsafe {
            let right = panel.get_unchecked(k as usize);
            let at = tile.at(k as usize);
            let mut left = [s.splat(0.0); ROWS];
            for r in 0..ROWS {
                left[r] = s.splat(*at[r]);
            }
            for v in 0..NV {
                let right = s.load(&right[v]);
                for r in 0..ROWS {
                    acc[r][v] = s.fma(left[r], right, acc[r][v]);
                }
            }
        }
    }
    for r in 0..ROWS {
        for v in 0..NV {
            s.store(&mut sums[r][v], acc[r][v]);
        }
    }
}
