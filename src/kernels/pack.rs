//! Copies strips of a matrix into the order in which the tiles read them.

#![expect(clippy::needless_range_loop, reason = "indices known to the compiler keep arrays of vectors in registers")]

use super::simd::{LANES, Simd};

/// `lanes` x `depth` elements of a matrix: element (l, d) is `data[l * lane_stride + d * depth_stride]`.
///
/// For A the lanes are rows of C, for B they are columns of C; the depth is k for both.
#[derive(Clone, Copy)]
pub(crate) struct Strip<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) lanes: usize,
    pub(crate) depth: usize,
    pub(crate) lane_stride: usize,
    pub(crate) depth_stride: usize,
}

/// Writes the strip as `out[d * width + l]`; lanes from `strip.lanes` up to `width` become 0.
#[inline(always)]
pub(crate) fn pack<S: Simd>(s: S, strip: Strip, width: usize, out: &mut [f32]) {
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

/// Lanes lie side by side: each step of k is a short copy.
#[inline(always)]
fn copy<S: Simd>(s: S, strip: Strip, width: usize, out: &mut [f32]) {
    for (d, out) in out.chunks_exact_mut(width).enumerate() {
        let row = &strip.data[d * strip.depth_stride..][..strip.lanes];
        for (i, out) in out.chunks_mut(LANES).enumerate() {
            let from = (i * LANES).min(row.len());
            let row = &row[from..(from + LANES).min(row.len())];
            match (row.as_chunks::<LANES>(), out.as_chunks_mut::<LANES>()) {
                (([row], []), ([out], [])) => s.store(out, s.load(row)),
                _ => s.store_head(out, s.load_head(row)),
            }
        }
    }
}

/// The depth lies side by side: blocks of 16 x 16 are transposed in registers.
#[inline(always)]
fn transpose<S: Simd>(s: S, strip: Strip, width: usize, out: &mut [f32]) {
    let mut depth = 0;
    while depth < strip.depth {
        let deep = (strip.depth - depth).min(LANES);
        let out = &mut out[depth * width..(depth + deep) * width];
        let mut lane = 0;
        while lane < width {
            let wide = (width - lane).min(LANES);
            let mut block = [s.splat(0.0); LANES];
            for l in 0..LANES {
                if lane + l < strip.lanes {
                    let from = &strip.data[(lane + l) * strip.lane_stride + depth..];
                    block[l] = match from.first_chunk::<LANES>() {
                        Some(from) if deep == LANES => s.load(from),
                        _ => s.load_head(&from[..deep]),
                    };
                }
            }
            let block = s.transpose(block);
            for d in 0..LANES {
                if d < deep {
                    let to = &mut out[d * width + lane..][..wide];
                    match to.as_chunks_mut::<LANES>() {
                        ([to], []) => s.store(to, block[d]),
                        _ => s.store_head(to, block[d]),
                    }
                }
            }
            lane += LANES;
        }
        depth += LANES;
    }
}

/// Neither: element by element.
fn gather(strip: Strip, width: usize, out: &mut [f32]) {
    for (d, out) in out.chunks_exact_mut(width).enumerate() {
        for (l, out) in out.iter_mut().enumerate() {
            *out = if l < strip.lanes { strip.data[l * strip.lane_stride + d * strip.depth_stride] } else { 0.0 };
        }
    }
}
