//! The innermost loop of [`super::packed`]: a tile of C held in registers while k runs.

use super::output::OutputTile;
use super::tiles::with_constant_rows;
use crate::simd::{LANES, Simd};
use std::ops::Range;

/// Steps of k between two prefetches: one cache line of a row that is contiguous along k.
const STEPS: usize = 16;
/// How far ahead of its use a row of B is prefetched, in steps of k: from the packed copy in the second-level cache,
/// and from the matrix itself, perhaps in memory.
const AHEAD: usize = 8;
const AHEAD_UNPACKED: usize = 24;
/// The same where steps are skipped, in rows of B: nonzero steps come in runs.
const AHEAD_NONZERO: usize = 8;

/// The columns of B that a tile reads.
pub(super) enum PanelOfB<'a> {
    /// Packed: `[k][NV * 16]`.
    Packed(&'a [f32]),
    /// Packed, of which only these steps of k count: at all others one of the factors is 0.
    Nonzero { packed: &'a [f32], steps: &'a [u32] },
    /// In the matrix itself, row k at `source[k * stride..]`. The tile copies every row to `packed` on the way, which
    /// costs nothing: the loop waits for its multiplications, not for stores.
    Unpacked { source: &'a [f32], stride: usize, packed: &'a mut [f32] },
}

/// What to prefetch while this tile is computed: its share of the next panel of B, which is packed after this one.
#[derive(Clone, Copy)]
pub(super) enum Prefetch<'a> {
    /// `count` columns of the panel, `stride` apart and contiguous along k: one cache line of each at a time.
    Columns { data: &'a [f32], count: usize, stride: usize },
    /// `count` rows of the panel, `stride` apart: all at once.
    Rows { data: &'a [f32], count: usize, stride: usize },
}

/// C tile of `rows` x (`NV` vectors) += packed A (`[k][rows]`) times B.
///
/// # Safety
/// No other thread may touch this tile of C meanwhile, and the tile must lie inside C.
#[inline(always)]
pub(super) unsafe fn tile<S: Simd, const NV: usize>(
    s: S,
    rows: usize,
    a: &[f32],
    b: PanelOfB,
    prefetch: Prefetch,
    out: OutputTile,
) {
    // SAFETY: the caller's promise, passed on.
    with_constant_rows!(S, rows, R => unsafe { fixed::<S, R, NV>(s, a, b, prefetch, out) })
}

/// [`tile`] with the number of rows known to the compiler, so that the accumulators are registers.
///
/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn fixed<S: Simd, const R: usize, const NV: usize>(
    s: S,
    a: &[f32],
    b: PanelOfB,
    prefetch: Prefetch,
    out: OutputTile,
) {
    let (a, _) = a.as_chunks::<R>();
    // SAFETY: the caller's promise.
    let mut acc = unsafe { out.load::<S, R, NV>(s) };
    match b {
        PanelOfB::Packed(b) => {
            let b = b.as_chunks::<LANES>().0.as_chunks::<NV>().0;
            assert_eq!(a.len(), b.len(), "packed panels of different depth");
            let mut prefetcher = Prefetcher::new(out, prefetch, R, a.len());
            let (mut at_a, mut at_b, mut left) = (a.as_ptr(), b.as_ptr(), a.len());
            // A second pointer to A, hidden from the compiler, which would else merge the two loads (see `step`). The
            // barrier matters for speed only, and may stop working with any compiler.
            let mut at_again = std::hint::black_box(at_a);
            while left > 0 {
                prefetcher.advance(s, a.len() - left);
                let steps = left.min(STEPS);
                left -= steps;
                for _ in 0..steps {
                    // SAFETY: all three go over `a.len()` chunks, and that many steps are made.
                    unsafe {
                        step::<S, R, NV>(s, &mut acc, &*at_a, &*at_again, &load(s, &*at_b, AHEAD));
                        (at_a, at_b) = (at_a.add(1), at_b.add(1));
                        at_again = at_again.add(1);
                    }
                }
            }
        }
        PanelOfB::Nonzero { packed, steps } => {
            let b = packed.as_chunks::<LANES>().0.as_chunks::<NV>().0;
            assert_eq!(a.len(), b.len(), "packed panels of different depth");
            let again = std::hint::black_box(a);
            let mut prefetcher = Prefetcher::new(out, prefetch, R, steps.len());
            for steps in steps.chunks(STEPS) {
                prefetcher.advance(s, steps[0] as usize);
                for &k in steps {
                    let k = k as usize;
                    step::<S, R, NV>(s, &mut acc, &a[k], &again[k], &load(s, &b[k], AHEAD_NONZERO));
                }
            }
        }
        PanelOfB::Unpacked { source, stride, packed } => {
            let packed = packed.as_chunks_mut::<LANES>().0.as_chunks_mut::<NV>().0;
            assert_eq!(a.len(), packed.len(), "packed panels of different depth");
            for (k, (a, packed)) in a.iter().zip(packed).enumerate() {
                let (b, _) = source[k * stride..][..NV * LANES].as_chunks::<LANES>();
                let mut row_of_b = [s.splat(0.0); NV];
                for v in 0..NV {
                    row_of_b[v] = s.load(&b[v]);
                    s.prefetch(b[v].as_ptr().wrapping_add(AHEAD_UNPACKED.wrapping_mul(stride)));
                    s.store(&mut packed[v], row_of_b[v]);
                }
                let last = b[NV - 1].as_ptr().wrapping_add(LANES - 1);
                s.prefetch(last.wrapping_add(AHEAD_UNPACKED.wrapping_mul(stride)));
                step::<S, R, NV>(s, &mut acc, a, a, &row_of_b);
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe { out.store(s, acc) };
}

/// Prefetches the tile's rows of C and its [`Prefetch`], a few cache lines in every call.
struct Prefetcher<'a> {
    rows: Range<usize>,
    rows_per_call: usize,
    out: OutputTile<'a>,
    prefetch: Prefetch<'a>,
}

impl<'a> Prefetcher<'a> {
    #[inline(always)]
    fn new(out: OutputTile<'a>, prefetch: Prefetch<'a>, rows: usize, steps: usize) -> Self {
        Prefetcher { rows: 0..rows, rows_per_call: rows.div_ceil((steps / STEPS).max(1)), out, prefetch }
    }

    /// To be called before step `k`.
    #[inline(always)]
    fn advance<S: Simd>(&mut self, s: S, k: usize) {
        for row in self.rows.by_ref().take(self.rows_per_call) {
            self.out.prefetch_row(s, row);
        }
        match &mut self.prefetch {
            Prefetch::Columns { data, count, stride } => {
                let mut at = data.as_ptr().wrapping_add(k);
                for _ in 0..*count {
                    s.prefetch(at);
                    at = at.wrapping_add(*stride);
                }
            }
            Prefetch::Rows { data, count, stride } => {
                let mut at = data.as_ptr();
                for _ in 0..std::mem::take(count) {
                    s.prefetch(at);
                    s.prefetch(at.wrapping_add(LANES));
                    s.prefetch(at.wrapping_add(2 * LANES - 1));
                    at = at.wrapping_add(*stride);
                }
            }
        }
    }
}

/// Loads a row of a panel of B, and prefetches the row `ahead` of it.
#[inline(always)]
fn load<S: Simd, const NV: usize>(s: S, b: &[[f32; LANES]; NV], ahead: usize) -> [S::V; NV] {
    let mut row = [s.splat(0.0); NV];
    for v in 0..NV {
        row[v] = s.load(&b[v]);
        s.prefetch(b[v].as_ptr().wrapping_add(ahead * NV * LANES));
    }
    row
}

/// One step of k. `again` is `a` at an address that the compiler takes for another, so that it loads twice.
#[inline(always)]
fn step<S: Simd, const R: usize, const NV: usize>(
    s: S,
    acc: &mut [[S::V; NV]; R],
    a: &[f32; R],
    again: &[f32; R],
    b: &[S::V; NV],
) {
    for r in 0..R {
        let x = s.splat(a[r]);
        acc[r][0] = s.fma(x, b[0], acc[r][0]);
        // A load that is used once folds into its multiplication.
        let x = if (r + 1).is_multiple_of(S::FOLD_EVERY) { s.splat(again[r]) } else { x };
        for v in 1..NV {
            acc[r][v] = s.fma(x, b[v], acc[r][v]);
        }
    }
}
