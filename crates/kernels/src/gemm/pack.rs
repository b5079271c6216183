//! Copies strips of a matrix into the order in which the tiles read them.

#![expect(clippy::needless_range_loop, reason = "indices known to the compiler keep arrays of vectors in registers")]

use crate::simd::{LANES, Simd};

/// `lanes` x `depth` elements of a matrix: element (l, d) is `data[l * lane_stride + d * depth_stride]`.
///
/// For A the lanes are rows of C, for B they are columns of C; the depth is k for both.
#[derive(Clone, Copy)]
pub(super) struct Strip<'a> {
    pub(super) data: &'a [f32],
    pub(super) lanes: usize,
    pub(super) depth: usize,
    pub(super) lane_stride: usize,
    pub(super) depth_stride: usize,
}

/// Writes the strip as `out[d * width + l]`; lanes from `strip.lanes` up to `width` become 0.
#[inline(always)]
pub(super) fn pack<S: Simd>(s: S, strip: Strip, width: usize, out: &mut [f32]) {
    assert!(strip.lanes <= width && out.len() == strip.depth * width);
    if strip.lanes == 0 || strip.depth == 0 {
        out.fill(0.0);
    } else if strip.lane_stride == 1 {
        copy(s, strip, width, out);
    } else if strip.depth_stride == 1 {
        transpose(s, strip, width, out);
    } else {
        gather(strip, width, out);
    }
}

/// How many steps of k ahead of its copy a row is prefetched.
const AHEAD: usize = 8;

/// Contiguous lanes: each step of k is a short copy.
#[inline(always)]
fn copy<S: Simd>(s: S, strip: Strip, width: usize, out: &mut [f32]) {
    for d in 0..strip.depth {
        let row = &strip.data[d * strip.depth_stride..];
        let mut from = 0;
        while from < width {
            let slot = Slot::new(from, width);
            let lanes = strip.lanes.saturating_sub(from).min(LANES);
            let row = &row[from.min(strip.lanes)..];
            s.prefetch(row.as_ptr().wrapping_add(AHEAD.wrapping_mul(strip.depth_stride)));
            let vector = match row.first_chunk::<LANES>() {
                Some(row) if lanes == slot.lanes => s.load(row),
                _ => s.load_head(&row[..lanes]),
            };
            slot.store(s, vector, &mut out[d * width + from..]);
            from += LANES;
        }
    }
}

/// The part of a packed step that one vector fills.
#[derive(Clone, Copy)]
struct Slot {
    lanes: usize,
    /// Whether a whole vector may be stored: the lanes after the slot belong to the next step, which is written later.
    may_overrun: bool,
}

impl Slot {
    /// The slot from lane `from` on, in steps of `width` lanes.
    #[inline(always)]
    fn new(from: usize, width: usize) -> Self {
        Slot { lanes: (width - from).min(LANES), may_overrun: width <= LANES || width.is_multiple_of(LANES) }
    }

    #[inline(always)]
    fn store<S: Simd>(self, s: S, vector: S::V, out: &mut [f32]) {
        match out.first_chunk_mut::<LANES>() {
            // A whole store is much faster than a masked one.
            Some(out) if self.may_overrun => s.store(out, vector),
            _ => s.store_head(&mut out[..self.lanes], vector),
        }
    }
}

/// Contiguous depth: blocks of 16 x 16 are transposed in registers.
#[inline(always)]
fn transpose<S: Simd>(s: S, strip: Strip, width: usize, out: &mut [f32]) {
    let mut lane = 0;
    while lane < width {
        let slot = Slot::new(lane, width);
        let lanes = strip.lanes.saturating_sub(lane).min(LANES);
        let mut depth = 0;
        while depth < strip.depth {
            let deep = (strip.depth - depth).min(LANES);
            let from =
                &strip.data[lane.saturating_mul(strip.lane_stride).saturating_add(depth).min(strip.data.len())..];
            let block = if lanes == slot.lanes && deep == LANES {
                whole_block(s, from, strip.lane_stride, lanes)
            } else {
                part_of_block(s, from, strip.lane_stride, lanes, deep)
            };
            let block = s.transpose(block);
            for d in 0..LANES {
                if d < deep {
                    slot.store(s, block[d], &mut out[(depth + d) * width + lane..]);
                }
            }
            depth += LANES;
        }
        lane += LANES;
    }
}

/// Sixteen steps of `lanes` rows. The last row is repeated in place of missing ones, which no caller reads.
#[inline(always)]
fn whole_block<S: Simd>(s: S, from: &[f32], stride: usize, lanes: usize) -> [S::V; LANES] {
    // One check for all rows: each of them has sixteen elements before the last one's end.
    assert!((1..=LANES).contains(&lanes) && (lanes - 1) * stride + LANES <= from.len());
    let mut block = [s.splat(0.0); LANES];
    for l in 0..LANES {
        s.prefetch(from.as_ptr().wrapping_add(l.min(lanes - 1) * stride + 3 * LANES));
        // SAFETY: the row is at most `lanes - 1`, and its end has been checked.
        block[l] = s.load(unsafe { &*from.as_ptr().add(l.min(lanes - 1) * stride).cast() });
    }
    block
}

/// `deep` steps of `lanes` rows, the rest of the block 0.
#[inline(always)]
fn part_of_block<S: Simd>(s: S, from: &[f32], stride: usize, lanes: usize, deep: usize) -> [S::V; LANES] {
    let mut block = [s.splat(0.0); LANES];
    for l in 0..LANES {
        if l < lanes {
            let row = &from[l * stride..];
            block[l] = match row.first_chunk::<LANES>() {
                Some(row) if deep == LANES => s.load(row),
                _ => s.load_head(&row[..deep]),
            };
        }
    }
    block
}

/// General strides: element by element.
fn gather(strip: Strip, width: usize, out: &mut [f32]) {
    for (d, out) in out.chunks_exact_mut(width).enumerate() {
        for (l, out) in out.iter_mut().enumerate() {
            *out = if l < strip.lanes { strip.data[l * strip.lane_stride + d * strip.depth_stride] } else { 0.0 };
        }
    }
}
