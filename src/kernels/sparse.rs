//! Products with a mostly zero factor: the first layer of a network on images that are mostly black.
//!
//! The other factor must have the sum's index as its row, so the first layer's weights are best kept transposed
//! (inputs x outputs):
//!
//! | product | call |
//! |---|---|
//! | y = x Wt + bias | `product(isa, &x, Side::Rows, wt, y, finish)` |
//! | dWt = x^T dy | `product(isa, &x, Side::Cols, dy, dwt, Finish::Nothing)` |
//!
//! Four neighbouring rows of the result are summed together over the steps at which any of the four has a factor that
//! is not 0: neighbouring pixels are lit together, and a row of the dense factor then serves four sums.
//!
//! Every element is the chain of fused multiply-adds of [`super::matmul`], less terms whose factor is 0. Those leave
//! the sum as it is, so the bytes are those of the dense product as long as the dense factor is finite. (Zero times
//! infinity is NaN in the dense product and may not be met here.)

#![expect(clippy::needless_range_loop, reason = "indices known to the compiler keep arrays of vectors in registers")]

use super::dispatch::Isa;
use super::lit::{GROUP, Lists, Sparse};
use super::matmul::{Finish, MatRef, Start};
use super::output::{Place, SharedC};
use super::pack::pack;
use super::parallel::{part, run_all};
use super::scratch::{Which, give_back, take};
use super::simd::{LANES, Simd, Task};
use std::ops::Range;

/// Pieces that the rows of a product are split into, for each panel.
const ROW_JOBS: usize = 4;
/// Pieces that each panel of the dense factor is packed in.
const PACK_JOBS: usize = 2;

/// Which way the sparse matrix X is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// X D: sums run along the rows of X.
    Rows,
    /// X^T D: sums run down the columns of X.
    Cols,
}

/// C = X D or X^T D, then `finish`. `dense` has a row for each step of the sum; C is row-major, with a row for each row
/// (or column) of X.
///
/// # Panics
/// If the shapes do not fit together.
pub fn product(isa: Isa, x: &Sparse, side: Side, dense: MatRef, c: &mut [f32], finish: Finish) {
    let (m, k, n) = match side {
        Side::Rows => (x.rows(), x.cols(), dense.cols()),
        Side::Cols => (x.cols(), x.rows(), dense.cols()),
    };
    assert_eq!(
        dense.rows(),
        k,
        "the sparse factor is {m} x {k}, the dense one {} x {n}: the inner sizes differ",
        dense.rows()
    );
    assert_eq!(c.len(), m * n, "the product of {m} x {k} and {k} x {n} needs {} elements, not {}", m * n, c.len());
    finish.check(m, n);
    if c.is_empty() {
        return;
    }
    // The other side's lists tell which rows of the dense factor are met at all.
    let (lists, other) = match side {
        Side::Rows => (&x.by_row, &x.by_col),
        Side::Cols => (&x.by_col, &x.by_row),
    };
    let c = SharedC::new(c, m, n);
    let all = n.div_ceil(LANES);
    let panels = all.div_ceil(isa.run(PanelVectors));
    let mut scratch = take(Which::PackedB);
    let packed = scratch.get(k * all * LANES);
    let mut rest = &mut *packed;
    let mut packs = Vec::with_capacity(panels * PACK_JOBS);
    for panel in 0..panels {
        let vectors = part(all, panels, panel);
        for i in 0..PACK_JOBS {
            let depth = part(k, PACK_JOBS, i);
            let (out, after) = rest.split_at_mut(depth.len() * vectors.len() * LANES);
            rest = after;
            let vectors = vectors.clone();
            packs.push(Pack { dense, other, depth, vectors, out });
        }
    }
    run_all(isa, packs);
    let packed = &*packed;
    let jobs = (0..panels * ROW_JOBS)
        .map(|i| {
            let vectors = part(all, panels, i / ROW_JOBS);
            Job {
                lists,
                packed: &packed[k * vectors.start * LANES..k * vectors.end * LANES],
                c,
                finish,
                m,
                n,
                groups: part(m.div_ceil(GROUP), ROW_JOBS, i % ROW_JOBS),
                vectors,
            }
        })
        .collect();
    run_all(isa, jobs);
    give_back(Which::PackedB, scratch);
}

struct PanelVectors;

impl Task for PanelVectors {
    type Out = usize;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::PANEL_VECTORS
    }
}

/// Copies some rows of a panel of the dense factor to where its vectors do not straddle cache lines: the product reads
/// each row many times, and at half the speed where they do.
struct Pack<'a> {
    dense: MatRef<'a>,
    other: &'a Lists,
    depth: Range<usize>,
    vectors: Range<usize>,
    out: &'a mut [f32],
}

impl Task for Pack<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let col = self.vectors.start * LANES;
        let width = self.vectors.len() * LANES;
        let cols = col..(col + width).min(self.dense.cols());
        if self.dense.col_stride() != 1 {
            pack(s, self.dense.strip(cols, self.depth), width, self.out);
            return;
        }
        for (k, out) in self.depth.zip(self.out.chunks_exact_mut(width)) {
            if !self.other.group(k / GROUP).is_empty() {
                pack(s, self.dense.strip(cols.clone(), k..k + 1), width, out);
            }
        }
    }
}

/// Some groups of rows of C in one panel of columns, whose part of the dense factor stays in the core's own cache.
struct Job<'a> {
    lists: &'a Lists,
    packed: &'a [f32],
    c: SharedC,
    finish: Finish<'a>,
    m: usize,
    n: usize,
    groups: Range<usize>,
    vectors: Range<usize>,
}

impl Task for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        macro_rules! with_vectors {
            ($($v:literal)*) => {
                match self.vectors.len() {
                    $($v if $v <= S::PANEL_VECTORS => panel::<S, $v>(s, self),)*
                    other => unreachable!("a panel has 1 to {} vectors, not {other}", S::PANEL_VECTORS),
                }
            };
        }
        with_vectors!(1 2 3 4 5 6);
    }
}

#[inline(always)]
fn panel<S: Simd, const NV: usize>(s: S, job: Job) {
    let dense = job.packed.as_chunks::<LANES>().0.as_chunks::<NV>().0;
    let col = job.vectors.start * LANES;
    for group in job.groups {
        let place = Place {
            c: job.c,
            row: group * GROUP,
            col,
            cols: (job.n - col).min(NV * LANES),
            start: Start::Zero,
            finish: job.finish,
        };
        let rows = (job.m - place.row).min(GROUP);
        for row in 0..rows {
            place.prefetch_row(s, row);
        }
        let mut acc = [[s.splat(0.0); NV]; GROUP];
        for step in job.lists.group(group) {
            let dense = &dense[step.k as usize];
            let mut d = [s.splat(0.0); NV];
            for v in 0..NV {
                d[v] = s.load(&dense[v]);
            }
            for r in 0..GROUP {
                let x = s.splat(step.x[r]);
                for v in 0..NV {
                    acc[r][v] = s.fma(x, d[v], acc[r][v]);
                }
            }
        }
        for r in 0..GROUP {
            if r < rows {
                let place = Place { row: place.row + r, ..place };
                // SAFETY: jobs have disjoint rows and panels, a job runs on one thread, and `product` holds the borrow
                // of C until all of them are done.
                unsafe { place.store::<S, 1, NV>(s, [acc[r]]) };
            }
        }
    }
}
