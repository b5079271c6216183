//! The innermost loop of a product: a tile of C held in registers while k runs.

#![expect(clippy::needless_range_loop, reason = "indices known to the compiler keep arrays of vectors in registers")]

use super::tiles::with_constant_rows;
use crate::simd::{LANES, Simd};

/// How far ahead of its use a row of the panel is prefetched, in steps of k: of a packed one, in the second-level cache, and
/// of one that is read where it lies, perhaps in memory.
const AHEAD: usize = 8;
const AHEAD_IN_PLACE: usize = 24;
/// A load reaches three rows from one pointer: at 0, 1 and 2 times the distance of rows.
const ROWS_PER_POINTER: usize = 3;
/// Pointers for the highest tile, of fourteen rows.
const POINTERS: usize = 5;

/// The rows of the left factor under a tile.
#[derive(Clone, Copy)]
pub(super) enum Left<'a> {
    /// Where they lie: each is contiguous along k, and begins `stride` after the one before it.
    Rows { data: &'a [f32], stride: usize },
    /// Packed: `[k][rows]`.
    Packed(&'a [f32]),
}

/// Some columns of the right factor: `NV` vectors, as wide as a tile.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a, const NV: usize> {
    /// Row i at `i * stride`.
    data: &'a [f32],
    stride: usize,
    /// How many steps of k there are.
    depth: usize,
}

impl<'a, const NV: usize> Panel<'a, NV> {
    /// `depth` rows of `NV` vectors, one for each step of k.
    #[inline(always)]
    pub(super) fn new(data: &'a [f32], stride: usize, depth: usize) -> Self {
        assert!(depth == 0 || (depth - 1) * stride + NV * LANES <= data.len(), "a panel ends outside");
        Panel { data, stride, depth }
    }
}

/// The sums of a tile: left times panel over the panel's steps of k.
///
/// # Panics
/// If the left factor is too short for so many rows and steps.
#[inline(always)]
pub(super) fn tile<S: Simd, const NV: usize>(s: S, left: Left, panel: Panel<NV>, sums: &mut [[[f32; LANES]; NV]]) {
    with_constant_rows!(S, sums.len(), R => {
        if let Some(sums) = sums.as_mut_array::<R>() {
            fixed::<S, R, NV>(s, left, panel, sums);
        }
    })
}

/// `for r in 0..R`, unrolled here: the compiler leaves a long loop rolled, and the accumulators become memory.
macro_rules! unrolled_rows {
    ($r:ident in $R:ident => $body:block) => { unrolled_rows!(@ $r, $R, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13) };
    (@ $r:ident, $R:ident, $body:block, $($row:literal)*) => { $(if $row < $R { let $r = $row; $body })* };
}

/// [`tile`] with the number of rows known to the compiler, so that the accumulators are registers.
#[inline(always)]
fn fixed<S: Simd, const R: usize, const NV: usize>(
    s: S,
    left: Left,
    panel: Panel<NV>,
    sums: &mut [[[f32; LANES]; NV]; R],
) {
    let depth = panel.depth;
    // SAFETY: `Panel` has checked its end. The ends of the left factor's rows are checked here, once for all steps: a check
    // in every step would cost as much as a row of the tile.
    unsafe {
        match left {
            Left::Rows { data: rows, stride: distance } => {
                assert!(depth == 0 || (R - 1) * distance + depth <= rows.len(), "a row ends outside");
                sum(s, ContiguousRows::new(rows, distance), panel, sums);
            }
            Left::Packed(columns) => {
                assert!(depth * R <= columns.len(), "a column ends outside");
                sum(s, PackedColumns { start: columns.as_ptr(), rows: R }, panel, sums);
            }
        }
    }
}

/// The sums of a tile over all steps of k, each with its row of the panel.
///
/// # Safety
/// The elements of the left factor at all these steps must be readable.
#[inline(always)]
unsafe fn sum<S: Simd, const R: usize, const NV: usize>(
    s: S,
    left: impl Factor,
    Panel { data, stride, depth }: Panel<NV>,
    sums: &mut [[[f32; LANES]; NV]; R],
) {
    let mut acc = [[s.splat(0.0); NV]; R];
    let mut b = data.as_ptr();
    let ahead = if stride == NV * LANES { AHEAD * NV * LANES } else { AHEAD_IN_PLACE.wrapping_mul(stride) };
    for k in 0..depth {
        let mut row = [s.splat(0.0); NV];
        for v in 0..NV {
            // SAFETY: the caller's promise.
            row[v] = s.load(unsafe { &*b.wrapping_add(v * LANES).cast() });
            s.prefetch(b.wrapping_add(ahead.wrapping_add(v * LANES)));
        }
        b = b.wrapping_add(stride);
        left.prefetch(s, k, R);
        let mut at = std::ptr::null();
        unrolled_rows!(r in R => {
            if r % ROWS_PER_POINTER == 0 {
                at = left.pointer(k, r / ROWS_PER_POINTER);
            }
            // SAFETY: the caller's promise.
            let x = s.splat(unsafe { *at.wrapping_add(r % ROWS_PER_POINTER * left.distance()) });
            for v in 0..NV {
                acc[r][v] = s.fma(x, row[v], acc[r][v]);
            }
        });
    }
    for r in 0..R {
        for v in 0..NV {
            s.store(&mut sums[r][v], acc[r][v]);
        }
    }
}

/// Where the elements of the left factor are.
trait Factor: Copy {
    /// To step `k` of row 3 `i`.
    fn pointer(self, k: usize, i: usize) -> *const f32;
    /// From a row to the next.
    fn distance(self) -> usize;
    /// Prefetches a part of the next tile's rows, at step `k` of this one with `rows` rows.
    fn prefetch<S: Simd>(self, s: S, k: usize, rows: usize);
}

#[derive(Clone, Copy)]
struct ContiguousRows {
    /// To every third row.
    pointers: [*const f32; POINTERS],
    distance: usize,
}

impl ContiguousRows {
    #[inline(always)]
    fn new(data: &[f32], distance: usize) -> Self {
        let mut pointers = [data.as_ptr(); POINTERS];
        for (i, pointer) in pointers.iter_mut().enumerate() {
            *pointer = pointer.wrapping_add((i * ROWS_PER_POINTER).wrapping_mul(distance));
        }
        ContiguousRows { pointers, distance }
    }
}

impl Factor for ContiguousRows {
    #[inline(always)]
    fn pointer(self, k: usize, i: usize) -> *const f32 {
        opaque(self.pointers[i].wrapping_add(k))
    }
    #[inline(always)]
    fn distance(self) -> usize {
        self.distance
    }
    #[inline(always)]
    fn prefetch<S: Simd>(self, s: S, k: usize, rows: usize) {
        s.prefetch(self.pointers[0].wrapping_add(rows.wrapping_mul(self.distance)).wrapping_add(k * rows));
    }
}

#[derive(Clone, Copy)]
struct PackedColumns {
    start: *const f32,
    rows: usize,
}

impl Factor for PackedColumns {
    #[inline(always)]
    fn pointer(self, k: usize, i: usize) -> *const f32 {
        self.start.wrapping_add(k * self.rows + i * ROWS_PER_POINTER)
    }
    #[inline(always)]
    fn distance(self) -> usize {
        1
    }
    #[inline(always)]
    fn prefetch<S: Simd>(self, _: S, _: usize, _: usize) {}
}

/// The same pointer, of which the compiler knows nothing: it would else keep one pointer for each row, more than there are
/// registers. For speed only.
#[inline(always)]
fn opaque(pointer: *const f32) -> *const f32 {
    #[cfg(all(not(miri), any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let mut pointer = pointer;
        #[expect(clippy::pointers_in_nomem_asm_block, reason = "nothing is read or written: it is an empty comment")]
        // SAFETY: no instruction at all.
        unsafe {
            std::arch::asm!("/* {0} */", inout(reg) pointer, options(nomem, nostack, preserves_flags))
        };
        pointer
    }
    #[cfg(not(all(not(miri), any(target_arch = "x86_64", target_arch = "aarch64"))))]
    pointer
}
