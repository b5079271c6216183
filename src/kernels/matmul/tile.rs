//! The innermost loop: a tile of C held in registers while k runs.

use super::super::output::Place;
use super::super::simd::{LANES, Simd};

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

/// What to bring near while the tile is computed, because the next panel of B will be packed from it: rows
/// `first..first + count` of a matrix, each as deep as the tile.
#[derive(Clone, Copy)]
pub(super) struct Upcoming<'a> {
    pub(super) data: &'a [f32],
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) stride: usize,
}

/// C tile of `rows` x (`NV` vectors) += packed A (`[k][rows]`) times B.
///
/// # Safety
/// No other thread may touch this tile of C meanwhile, the slice behind it must still be borrowed, and the tile must
/// lie inside C.
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
    let rows_a_look = R.div_ceil(a.len().div_ceil(STEPS).max(1));
    match b {
        FromB::Packed(b) => {
            let b = b.as_chunks::<LANES>().0.as_chunks::<NV>().0;
            assert_eq!(a.len(), b.len(), "packed panels of different depth");
            for (look, (a, b)) in a.chunks(STEPS).zip(b.chunks(STEPS)).enumerate() {
                for row in look * rows_a_look..((look + 1) * rows_a_look).min(R) {
                    place.prefetch_row(s, row);
                }
                for lane in 0..upcoming.count {
                    let at = (upcoming.first + lane) * upcoming.stride + look * STEPS;
                    s.prefetch(upcoming.data.as_ptr().wrapping_add(at));
                }
                for (a, b) in a.iter().zip(b) {
                    let mut row_of_b = [s.splat(0.0); NV];
                    for v in 0..NV {
                        row_of_b[v] = s.load(&b[v]);
                        s.prefetch(b[v].as_ptr().wrapping_add(AHEAD * NV * LANES));
                    }
                    step::<S, R, NV>(s, &mut acc, a, &row_of_b);
                }
            }
        }
        FromB::Lit { packed, steps } => {
            let b = packed.as_chunks::<LANES>().0.as_chunks::<NV>().0;
            assert_eq!(a.len(), b.len(), "packed panels of different depth");
            let rows_a_look = R.div_ceil(steps.len().div_ceil(STEPS).max(1));
            for (look, steps) in steps.chunks(STEPS).enumerate() {
                for row in look * rows_a_look..((look + 1) * rows_a_look).min(R) {
                    place.prefetch_row(s, row);
                }
                for lane in 0..upcoming.count {
                    let at = (upcoming.first + lane) * upcoming.stride + steps[0] as usize;
                    s.prefetch(upcoming.data.as_ptr().wrapping_add(at));
                }
                for &k in steps {
                    let (a, b) = (&a[k as usize], &b[k as usize]);
                    let mut row_of_b = [s.splat(0.0); NV];
                    for v in 0..NV {
                        row_of_b[v] = s.load(&b[v]);
                        s.prefetch(b[v].as_ptr().wrapping_add(AHEAD_LIT * NV * LANES));
                    }
                    step::<S, R, NV>(s, &mut acc, a, &row_of_b);
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
                    s.prefetch(b[v].as_ptr().wrapping_add(AHEAD_UNPACKED * stride));
                    s.store(&mut packed[v], row_of_b[v]);
                }
                let last = b[NV - 1].as_ptr().wrapping_add(LANES - 1);
                s.prefetch(last.wrapping_add(AHEAD_UNPACKED * stride));
                step::<S, R, NV>(s, &mut acc, a, &row_of_b);
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe { place.store(s, acc) };
}

/// One step of k.
#[inline(always)]
fn step<S: Simd, const R: usize, const NV: usize>(s: S, acc: &mut [[S::V; NV]; R], a: &[f32; R], b: &[S::V; NV]) {
    for r in 0..R {
        let x = s.splat(a[r]);
        for v in 0..NV {
            acc[r][v] = s.fma(x, b[v], acc[r][v]);
        }
    }
}
