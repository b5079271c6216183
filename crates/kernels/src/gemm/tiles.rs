//! How rows are cut into tiles, and how a tile's height becomes a constant.

use crate::simd::{LANES, Simd, Task};
use std::ops::Range;

/// The size of a tile: (rows, columns).
pub(super) struct TileSize;

impl Task for TileSize {
    type Out = (usize, usize);
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> (usize, usize) {
        (S::TILE_ROWS, S::TILE_VECTORS * LANES)
    }
}

/// Rows cut into tiles: as few as possible, of nearly equal height.
#[derive(Clone)]
pub(super) struct Tiles {
    first_row: usize,
    pub(super) count: usize,
    height: usize,
    /// How many tiles, from the first on, have one row more than `height`.
    higher: usize,
}

impl Tiles {
    #[inline(always)]
    pub(super) fn new(rows: Range<usize>, tile_rows: usize) -> Self {
        let count = rows.len().div_ceil(tile_rows);
        let height = rows.len().checked_div(count).unwrap_or(0);
        Tiles { first_row: rows.start, count, height, higher: rows.len() - height * count }
    }

    /// The rows of tile `i`. Without a division, which takes as long as ten steps of k.
    #[inline(always)]
    pub(super) fn get(&self, i: usize) -> Range<usize> {
        let start = self.first_row + i * self.height + i.min(self.higher);
        start..start + self.height + usize::from(i < self.higher)
    }
}

/// Evaluates an expression with the constant `R` equal to `rows`, so that a tile's accumulators are registers.
macro_rules! with_constant_rows {
    ($simd:ident, $rows:expr, $R:ident => $tile:expr) => {
        with_constant_rows!(@ $simd, $rows, $R => $tile, 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    };
    (@ $simd:ident, $rows:expr, $R:ident => $tile:expr, $($r:literal)*) => {
        match $rows {
            $($r if $r <= $simd::TILE_ROWS => {
                const $R: usize = $r;
                $tile
            })*
            rows => unreachable!("a tile has 1 to {} rows, not {rows}", $simd::TILE_ROWS),
        }
    };
}
pub(super) use with_constant_rows;
