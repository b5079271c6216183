//! The innermost loop of [`super::narrow`]: a tile of C held in registers while k runs. A is read where it lies.

#![expect(clippy::needless_range_loop, reason = "indices known to the compiler keep arrays of vectors in registers")]

use super::output::OutputTile;
use super::tiles::with_constant_rows;
use crate::simd::{LANES, Simd};

/// How far ahead of its use a row of B is prefetched, in steps of k.
const AHEAD: usize = 8;
/// The most rows of a tile whose rows are contiguous along k: each row takes a pointer, and a processor has sixteen
/// registers for pointers.
pub(super) const MAX_POINTERS: usize = 10;

/// The rows of A under a tile: element (r, k) is `data[r * row_stride + k * depth_stride]`, and one stride is 1.
#[derive(Clone, Copy)]
pub(super) struct Broadcast<'a> {
    pub(super) data: &'a [f32],
    pub(super) row_stride: usize,
    pub(super) depth_stride: usize,
    pub(super) depth: usize,
}

/// C tile of `rows` x (`NV` vectors) += A times B, whose row k starts at `b[k * stride]`.
///
/// # Safety
/// No other thread may touch this tile of C meanwhile, and the tile must lie inside C.
#[inline(always)]
pub(super) unsafe fn tile<S: Simd, const NV: usize>(
    s: S,
    rows: usize,
    a: Broadcast,
    b: &[f32],
    stride: usize,
    out: OutputTile,
) {
    // SAFETY: the caller's promise, passed on.
    with_constant_rows!(S, rows, R => unsafe { fixed::<S, R, NV>(s, a, b, stride, out) })
}

/// [`tile`] with the number of rows known to the compiler, so that the accumulators are registers.
///
/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn fixed<S: Simd, const R: usize, const NV: usize>(
    s: S,
    a: Broadcast,
    b: &[f32],
    stride: usize,
    out: OutputTile,
) {
    for r in 0..R {
        out.prefetch_row(s, r);
    }
    // SAFETY: the caller's promise.
    let mut acc = unsafe { out.load::<S, R, NV>(s) };
    if let Some(last) = a.depth.checked_sub(1) {
        // One check for all steps: a check in every step would cost as much as a row of the tile.
        let a_end = (R - 1) * a.row_stride + last * a.depth_stride;
        assert!(a_end < a.data.len(), "A ends inside a tile");
        assert!(last * stride + NV * LANES <= b.len(), "B ends inside a tile");
    }
    let mut rows = [a.data.as_ptr(); R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = row.wrapping_add(r * a.row_stride);
    }
    if a.depth_stride == 1 {
        // Without the barrier the compiler finds that the pointers are evenly spaced, and spends an addition on each of
        // them in every step. It is a barrier for speed only, and may stop working with any compiler.
        let rows = std::hint::black_box(rows);
        for k in 0..a.depth {
            let mut x = rows;
            for r in 0..R {
                x[r] = rows[r].wrapping_add(k);
            }
            // SAFETY: k is at most `last`, for which the ends of A and B have been checked.
            unsafe { step::<S, R, NV>(s, &mut acc, x, b.as_ptr().add(k * stride), stride) };
        }
    } else {
        for k in 0..a.depth {
            // One stride is 1, so here it is the rows': the compiler sees constant distances.
            let first = a.data.as_ptr().wrapping_add(k * a.depth_stride);
            let mut x = rows;
            for r in 0..R {
                x[r] = first.wrapping_add(r);
            }
            // SAFETY: as above.
            unsafe { step::<S, R, NV>(s, &mut acc, x, b.as_ptr().add(k * stride), stride) };
        }
    }
    // SAFETY: the caller's promise.
    unsafe { out.store(s, acc) };
}

/// One step of k.
///
/// # Safety
/// The pointers in `a` must be readable, and so must `NV` vectors from `b` on.
#[inline(always)]
unsafe fn step<S: Simd, const R: usize, const NV: usize>(
    s: S,
    acc: &mut [[S::V; NV]; R],
    a: [*const f32; R],
    b: *const f32,
    stride: usize,
) {
    let mut row = [s.splat(0.0); NV];
    for v in 0..NV {
        // SAFETY: the caller's promise.
        row[v] = s.load(unsafe { &*b.add(v * LANES).cast() });
        s.prefetch(b.wrapping_add(AHEAD.wrapping_mul(stride).wrapping_add(v * LANES)));
    }
    for r in 0..R {
        // SAFETY: the caller's promise.
        let x = s.splat(unsafe { *a[r] });
        for v in 0..NV {
            acc[r][v] = s.fma(x, row[v], acc[r][v]);
        }
    }
}
