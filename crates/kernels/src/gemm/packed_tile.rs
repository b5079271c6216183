//! The innermost loop of [`super::packed`]: a tile of C held in registers while k runs.

use super::output::Place;
use crate::simd::{LANES, Simd};
use std::ops::Range;

/// Steps of k between two looks at what to fetch: one cache line of a row that lies along k.
const STEPS: usize = 16;
/// How far ahead of its use a row of B is asked for, in steps of k: from the packed copy in the second-level cache,
/// and from where it lies, perhaps in memory.
const AHEAD: usize = 8;
const AHEAD_UNPACKED: usize = 24;
/// The same where steps are left out, in rows of B: lit pixels come in runs.
const AHEAD_LIT: usize = 8;

/// Where a tile finds its columns of B.
pub(super) enum FromB<'a> {
    /// Packed: `[k][NV * 16]`.
    Packed(&'a [f32]),
    /// Packed, and at all steps of k but these the products are 0.
    Lit { packed: &'a [f32], steps: &'a [u32] },
    /// In the matrix itself, row k at `source[k * stride..]`. Every row is copied to `packed` in passing, which is
    /// free: the loop waits for its multiplications, not for stores.
    Unpacked { source: &'a [f32], stride: usize, packed: &'a mut [f32] },
}

/// What to bring near while the tile is computed: its part of the next panel of B, which will then be packed.
#[derive(Clone, Copy)]
pub(super) enum Upcoming<'a> {
    /// `count` columns of the panel, each `stride` after the other and as long as the tile is deep: a piece of each
    /// with every look.
    Columns { data: &'a [f32], count: usize, stride: usize },
    /// `count` rows of the panel, each `stride` after the other: all with the first look.
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
    b: FromB,
    upcoming: Upcoming,
    place: Place,
) {
    macro_rules! with_rows {
        ($($r:literal)*) => {
            match rows {
                // SAFETY: the caller's promise, passed on.
                $($r if $r <= S::TILE_ROWS => unsafe { fixed::<S, $r, NV>(s, a, b, upcoming, place) },)*
                _ => unreachable!("a tile has 1 to {} rows, not {rows}", S::TILE_ROWS),
            }
        };
    }
    with_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// [`tile`] with the number of rows known to the compiler, so that the accumulators are registers.
///
/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn fixed<S: Simd, const R: usize, const NV: usize>(s: S, a: &[f32], b: FromB, upcoming: Upcoming, place: Place) {
    let (a, _) = a.as_chunks::<R>();
    // SAFETY: the caller's promise.
    let mut acc = unsafe { place.start::<S, R, NV>(s) };
    match b {
        FromB::Packed(b) => {
            let b = b.as_chunks::<LANES>().0.as_chunks::<NV>().0;
            assert_eq!(a.len(), b.len(), "packed panels of different depth");
            let mut near = Near::new(place, upcoming, R, a.len());
            let (mut at_a, mut at_b, mut left) = (a.as_ptr(), b.as_ptr(), a.len());
            let mut at_again = std::hint::black_box(at_a);
            while left > 0 {
                near.look(s, a.len() - left);
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
        FromB::Lit { packed, steps } => {
            let b = packed.as_chunks::<LANES>().0.as_chunks::<NV>().0;
            assert_eq!(a.len(), b.len(), "packed panels of different depth");
            let again = std::hint::black_box(a);
            let mut near = Near::new(place, upcoming, R, steps.len());
            for steps in steps.chunks(STEPS) {
                near.look(s, steps[0] as usize);
                for &k in steps {
                    let k = k as usize;
                    step::<S, R, NV>(s, &mut acc, &a[k], &again[k], &load(s, &b[k], AHEAD_LIT));
                }
            }
        }
        FromB::Unpacked { source, stride, packed } => {
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
    unsafe { place.store(s, acc) };
}

/// What is brought near while a tile is computed, a little with every look: its rows of C, and the upcoming panel.
struct Near<'a> {
    rows: Range<usize>,
    rows_a_look: usize,
    place: Place<'a>,
    upcoming: Upcoming<'a>,
}

impl<'a> Near<'a> {
    #[inline(always)]
    fn new(place: Place<'a>, upcoming: Upcoming<'a>, rows: usize, steps: usize) -> Self {
        Near { rows: 0..rows, rows_a_look: rows.div_ceil((steps / STEPS).max(1)), place, upcoming }
    }

    /// Before step `k`.
    #[inline(always)]
    fn look<S: Simd>(&mut self, s: S, k: usize) {
        for row in self.rows.by_ref().take(self.rows_a_look) {
            self.place.prefetch_row(s, row);
        }
        match &mut self.upcoming {
            Upcoming::Columns { data, count, stride } => {
                let mut at = data.as_ptr().wrapping_add(k);
                for _ in 0..*count {
                    s.prefetch(at);
                    at = at.wrapping_add(*stride);
                }
            }
            Upcoming::Rows { data, count, stride } => {
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

/// A row of a panel of B, and a look at the one that comes `ahead` rows later.
#[inline(always)]
fn load<S: Simd, const NV: usize>(s: S, b: &[[f32; LANES]; NV], ahead: usize) -> [S::V; NV] {
    let mut row = [s.splat(0.0); NV];
    for v in 0..NV {
        row[v] = s.load(&b[v]);
        s.prefetch(b[v].as_ptr().wrapping_add(ahead * NV * LANES));
    }
    row
}

/// One step of k. `again` is `a`, hidden from the compiler.
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
        // Loads that are used once become part of their multiplication.
        let x = if (r + 1).is_multiple_of(S::FOLD_EVERY) { s.splat(again[r]) } else { x };
        for v in 1..NV {
            acc[r][v] = s.fma(x, b[v], acc[r][v]);
        }
    }
}
