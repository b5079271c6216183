//! How rows are cut into tiles.

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

/// The tiles that some rows are cut into: as few as possible, of nearly equal height.
#[derive(Clone)]
pub(super) struct Tiles {
    first_row: usize,
    pub(super) count: usize,
    /// Rows of every tile, and how many of the first ones have one more.
    height: usize,
    higher: usize,
}

impl Tiles {
    #[inline(always)]
    pub(super) fn new(rows: Range<usize>, tile_rows: usize) -> Self {
        let count = rows.len().div_ceil(tile_rows);
        let height = rows.len().checked_div(count).unwrap_or(0);
        Tiles { first_row: rows.start, count, height, higher: rows.len() - height * count }
    }

    /// Asked for every tile: without a division, which takes as long as ten steps of k.
    #[inline(always)]
    pub(super) fn get(&self, i: usize) -> Range<usize> {
        let start = self.first_row + i * self.height + i.min(self.higher);
        start..start + self.height + usize::from(i < self.higher)
    }
}
