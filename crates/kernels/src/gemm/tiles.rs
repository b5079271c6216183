//! How rows are cut into tiles, and how a tile's height becomes a constant.

use crate::simd::{LANES, Simd, Task};
use std::ops::Range;

/// The highest tile of any instruction set.
pub(super) const MAX_HEIGHT: usize = 14;
/// The heights of tiles: each is code of its own for each instruction set whose highest tile is no lower.
pub(super) const HEIGHTS: [usize; 6] = [MAX_HEIGHT, 8, 6, 4, 2, 1];

/// The size of a tile: (rows, columns).
pub(super) struct TileSize;

impl Task for TileSize {
    type Out = (usize, usize);
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> (usize, usize) {
        (S::TILE_ROWS, S::TILE_VECTORS * LANES)
    }
}

/// Rows cut into tiles: as many of the highest as fit, and lower ones for the rest.
pub(super) fn cut(rows: usize, highest: usize) -> Vec<Range<usize>> {
    let mut tiles = Vec::with_capacity(rows / highest + HEIGHTS.len());
    let mut start = 0;
    for height in HEIGHTS.into_iter().filter(|&height| height <= highest) {
        while rows - start >= height {
            tiles.push(start..start + height);
            start += height;
        }
    }
    tiles
}

/// The rows of neighbouring tiles.
#[inline(always)]
pub(super) fn rows_of(tiles: &[Range<usize>]) -> Range<usize> {
    tiles.first().map_or(0, |first| first.start)..tiles.last().map_or(0, |last| last.end)
}

/// Evaluates an expression with the constant `R` equal to `rows`, one of [`HEIGHTS`], so that a tile's accumulators are
/// registers.
macro_rules! with_constant_rows {
    ($simd:ident, $rows:expr, $R:ident => $tile:expr) => {
        with_constant_rows!(@ $simd, $rows, $R => $tile, 0 1 2 3 4 5)
    };
    (@ $simd:ident, $rows:expr, $R:ident => $tile:expr, $($index:literal)*) => {
        match $rows {
            // The block's constant keeps the compiler from making tiles that are too high.
            $(rows if const { $crate::gemm::tiles::HEIGHTS[$index] <= $simd::TILE_ROWS }
                && rows == $crate::gemm::tiles::HEIGHTS[$index] =>
            {
                const $R: usize = $crate::gemm::tiles::HEIGHTS[$index];
                $tile
            })*
            rows => unreachable!("no tile has {rows} rows"),
        }
    };
}
pub(super) use with_constant_rows;
