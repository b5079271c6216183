//! Copies factors into the order in which the tiles read them.

#![expect(clippy::needless_range_loop, reason = "indices known to the compiler keep arrays of vectors in registers")]

use super::matrix::{MatRef, Order};
use crate::simd::{LANES, Simd};
use std::ops::Range;

/// How many steps of k ahead of their copy elements are prefetched.
const AHEAD: usize = 8;

/// Writes row k of the columns to `panel[k]`, and 0 after its end.
///
/// # Panics
/// If there are no columns, or not all of them in the matrix, or if the panel is narrower or does not have as many rows as the
/// matrix.
#[inline(always)]
pub(super) fn pack<S: Simd, const NV: usize>(
    s: S,
    matrix: MatRef,
    columns: Range<usize>,
    panel: &mut [[[f32; LANES]; NV]],
) {
    assert!((1..=NV * LANES).contains(&columns.len()) && columns.end <= matrix.cols && panel.len() == matrix.rows);
    match matrix.order {
        Order::Rows => copy(s, matrix, columns, panel),
        Order::Columns => {
            for v in 0..NV {
                let start = (columns.start + v * LANES).min(columns.end);
                transpose(s, matrix, start..(start + LANES).min(columns.end), v, panel);
            }
        }
    }
}

/// Contiguous rows: each is a short copy.
#[inline(always)]
fn copy<S: Simd, const NV: usize>(s: S, matrix: MatRef, columns: Range<usize>, panel: &mut [[[f32; LANES]; NV]]) {
    let rows = matrix.from(0, columns.start).chunks(matrix.cols);
    let ahead = AHEAD.wrapping_mul(matrix.cols);
    if columns.len() == NV * LANES {
        for (row, out) in rows.zip(panel) {
            let row = &row.as_chunks::<LANES>().0[..NV];
            for v in 0..NV {
                s.prefetch(row[v].as_ptr().wrapping_add(ahead));
                s.store(&mut out[v], s.load(&row[v]));
            }
        }
    } else {
        for (row, out) in rows.zip(panel) {
            for v in 0..NV {
                let row = &row[(v * LANES).min(columns.len())..columns.len()];
                s.prefetch(row.as_ptr().wrapping_add(ahead));
                s.store(&mut out[v], s.load_head(&row[..row.len().min(LANES)]));
            }
        }
    }
}

/// Contiguous columns, at most sixteen, to vector `v` of the panel: blocks of 16 x 16 are transposed in registers.
#[inline(always)]
fn transpose<S: Simd, const NV: usize>(
    s: S,
    matrix: MatRef,
    columns: Range<usize>,
    v: usize,
    panel: &mut [[[f32; LANES]; NV]],
) {
    let stride = matrix.rows;
    for (block, out) in panel.chunks_mut(LANES).enumerate() {
        let from = matrix.from(block * LANES, columns.start);
        match out.as_mut_array::<LANES>() {
            Some(out) if columns.len() == LANES => {
                let steps = s.transpose(whole_block(s, from, stride));
                for k in 0..LANES {
                    s.store(&mut out[k][v], steps[k]);
                }
            }
            _ => {
                let steps = s.transpose(part_of_block(s, from, stride, columns.len(), out.len()));
                for k in 0..LANES {
                    if k < out.len() {
                        s.store(&mut out[k][v], steps[k]);
                    }
                }
            }
        }
    }
}

/// Sixteen steps of sixteen columns.
#[inline(always)]
fn whole_block<S: Simd>(s: S, from: &[f32], stride: usize) -> [S::V; LANES] {
    // One check for all columns: each of them has sixteen elements before the last one's end.
    assert!((LANES - 1) * stride + LANES <= from.len());
    let mut block = [s.splat(0.0); LANES];
    for l in 0..LANES {
        s.prefetch(from.as_ptr().wrapping_add(l * stride + 3 * LANES));
        // SAFETY: the end of the last column has been checked, and nothing wraps: the stride is the height of a matrix that
        // has sixteen columns.
        block[l] = s.load(unsafe { &*from.as_ptr().add(l * stride).cast() });
    }
    block
}

/// Some steps of some columns, the rest of the block 0.
#[inline(always)]
fn part_of_block<S: Simd>(s: S, from: &[f32], stride: usize, columns: usize, steps: usize) -> [S::V; LANES] {
    let mut block = [s.splat(0.0); LANES];
    for l in 0..LANES {
        if l < columns {
            block[l] = s.load_head(&from[l * stride..][..steps]);
        }
    }
    block
}

/// Writes some rows of a matrix with contiguous columns, those of a tile, at some steps of k as `out[k][row]`.
#[inline(always)]
pub(super) fn pack_tile<S: Simd>(s: S, matrix: MatRef, rows: Range<usize>, steps: Range<usize>, out: &mut [f32]) {
    assert!(matrix.order == Order::Columns && rows.len() <= LANES && out.len() == steps.len() * rows.len());
    for k in steps.clone() {
        let column = matrix.from(rows.start, k);
        s.prefetch(column.as_ptr().wrapping_add(AHEAD.wrapping_mul(matrix.rows)));
        let out = &mut out[(k - steps.start) * rows.len()..];
        let vector = match column.first_chunk() {
            Some(column) => s.load(column),
            None => s.load_head(&column[..rows.len()]),
        };
        match out.first_chunk_mut() {
            // A whole vector where there is room: the next step overwrites what is after this one's rows.
            Some(out) => s.store(out, vector),
            None => s.store_head(&mut out[..rows.len()], vector),
        }
    }
}
