//! The output matrix of a product: shared by the threads that write to it, tile by tile.

#![expect(clippy::needless_range_loop, reason = "indices known to the compiler keep arrays of vectors in registers")]

use crate::simd::{LANES, Simd};
use crate::system::parallel::elements;
use std::marker::PhantomData;
use std::ops::Range;

/// The operation on each finished sum c before it is stored.
#[derive(Clone, Copy, Debug)]
pub enum Epilogue<'a> {
    /// c
    Nothing,
    /// c + bias\[column\]
    Bias(&'a [f32]),
    /// max(c + bias\[column\], 0); NaN stays NaN
    BiasRelu(&'a [f32]),
    /// c where the same element of this matrix, shaped like C, is above 0, else +0: the backward pass of a ReLU with this
    /// output.
    ReluBackward(&'a [f32]),
}

impl Epilogue<'_> {
    /// Panics if an operand does not fit an m x n matrix.
    pub(super) fn check(self, m: usize, n: usize) {
        match self {
            Epilogue::Nothing => {}
            Epilogue::Bias(bias) | Epilogue::BiasRelu(bias) => {
                assert_eq!(bias.len(), n, "a bias for {n} columns needs {n} elements, not {}", bias.len())
            }
            Epilogue::ReluBackward(output) => {
                assert_eq!(output.len(), elements("an output", m, n), "a ReLU's output is not {m} x {n}")
            }
        }
    }
}

/// C as the jobs share it: each writes only the elements of its own rows and columns.
#[derive(Clone, Copy)]
pub(super) struct SharedC<'a> {
    start: *mut f32,
    rows: usize,
    cols: usize,
    /// The rows that are meant by 0, 1, 2, ..., where these are not all rows; each below `rows`.
    chosen: Option<&'a [u32]>,
    /// C stays borrowed for as long as any copy of this lives.
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: only `SharedC::part` and `SharedC::vector` give access to the memory, and their callers promise that parts do
// not overlap.
unsafe impl Send for SharedC<'_> {}
// SAFETY: as above.
unsafe impl Sync for SharedC<'_> {}

impl<'a> SharedC<'a> {
    pub(super) fn new(c: &'a mut [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(c.len(), elements("C", rows, cols), "C is not {rows} x {cols}");
        SharedC { start: c.as_mut_ptr(), rows, cols, chosen: None, borrow: PhantomData }
    }

    /// Some of the rows, as a matrix of these alone.
    pub(super) fn choose(self, rows: &'a [u32]) -> Self {
        assert!(rows.iter().all(|&row| (row as usize) < self.rows), "C has {} rows", self.rows);
        SharedC { chosen: Some(rows), ..self }
    }

    /// Whether these are some of the rows.
    #[cfg(feature = "timeline")]
    pub(super) fn is_choice(self) -> bool {
        self.chosen.is_some()
    }

    /// Where element (row, col) lies.
    #[inline(always)]
    fn at(self, row: usize, col: usize) -> usize {
        let row = self.chosen.map_or(row, |rows| rows[row] as usize);
        debug_assert!(row < self.rows);
        row * self.cols + col
    }

    /// `len` elements of row `row` from column `col` on.
    ///
    /// # Safety
    /// These elements must lie inside the matrix, and no other reference to them may live as long as this one is used.
    #[inline(always)]
    pub(super) unsafe fn part(self, row: usize, col: usize, len: usize) -> &'a mut [f32] {
        debug_assert!(col + len <= self.cols);
        // SAFETY: inside the slice and alone, by the contract.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(self.at(row, col)), len) }
    }

    /// A whole vector of row `row` from column `col` on.
    ///
    /// # Safety
    /// As for [`SharedC::part`].
    #[inline(always)]
    unsafe fn vector(self, row: usize, col: usize) -> &'a mut [f32; LANES] {
        debug_assert!(col + LANES <= self.cols);
        // SAFETY: inside the slice and alone, by the contract.
        unsafe { &mut *self.start.add(self.at(row, col)).cast() }
    }
}

/// A tile of C.
#[derive(Clone, Copy)]
pub(super) struct OutputTile<'a> {
    pub(super) c: SharedC<'a>,
    pub(super) row: usize,
    pub(super) col: usize,
    /// Columns of C, at most the tile's vectors times sixteen.
    pub(super) cols: usize,
    /// The operation on the sums.
    pub(super) epilogue: Epilogue<'a>,
}

impl OutputTile<'_> {
    /// The columns of the tile under vector `v`: sixteen, or fewer at the right edge of C.
    #[inline(always)]
    fn columns(&self, v: usize) -> Range<usize> {
        let from = (v * LANES).min(self.cols);
        self.col + from..self.col + (from + LANES).min(self.cols)
    }

    /// Prefetches row `r` of the tile for the final store.
    #[inline(always)]
    pub(super) fn prefetch_row<S: Simd>(&self, s: S, r: usize) {
        let start = self.c.start.wrapping_add(self.c.at(self.row + r, self.col));
        for at in (0..self.cols).step_by(LANES) {
            s.prefetch(start.wrapping_add(at));
        }
        s.prefetch(start.wrapping_add(self.cols - 1));
    }

    /// Applies the epilogue to the sums of a tile of `NV` vectors in a row, and writes them.
    ///
    /// # Safety
    /// No other thread may touch this tile of C meanwhile, and the tile must lie inside C.
    #[inline(always)]
    pub(super) unsafe fn store<S: Simd, const NV: usize>(&self, s: S, sums: &[[[f32; LANES]; NV]]) {
        for v in 0..NV {
            let cols = self.columns(v);
            let bias = self.bias(s, cols.clone());
            for (r, sums) in sums.iter().enumerate() {
                // SAFETY: inside our tile, by the contract.
                unsafe { self.put(s, s.load(&sums[v]), bias, self.row + r, cols.clone()) };
            }
        }
    }

    /// [`OutputTile::store`] for a tile of at most sixteen rows of one vector each.
    ///
    /// # Safety
    /// As for [`OutputTile::store`].
    #[inline(always)]
    pub(super) unsafe fn store_rows<S: Simd>(&self, s: S, sums: [S::V; LANES], rows: usize) {
        let cols = self.columns(0);
        let bias = self.bias(s, cols.clone());
        // Indices known to the compiler: an iterator copies the sums to memory.
        for r in 0..LANES {
            if r < rows {
                // SAFETY: inside our tile, by the contract.
                unsafe { self.put(s, sums[r], bias, self.row + r, cols.clone()) };
            }
        }
    }

    /// The bias of some columns, where there is one.
    #[inline(always)]
    fn bias<S: Simd>(&self, s: S, cols: Range<usize>) -> S::V {
        match self.epilogue {
            Epilogue::Bias(bias) | Epilogue::BiasRelu(bias) => s.load_head(&bias[cols]),
            Epilogue::Nothing | Epilogue::ReluBackward(_) => s.splat(0.0),
        }
    }

    /// Writes some sums of a row after the epilogue.
    ///
    /// # Safety
    /// As for [`OutputTile::store`].
    #[inline(always)]
    unsafe fn put<S: Simd>(&self, s: S, sum: S::V, bias: S::V, row: usize, cols: Range<usize>) {
        let sum = self.finish(s, sum, bias, row, cols.clone());
        // SAFETY: the caller's promise.
        unsafe {
            if cols.len() == LANES {
                s.store(self.c.vector(row, cols.start), sum);
            } else {
                s.store_head(self.c.part(row, cols.start, cols.len()), sum);
            }
        }
    }

    /// The epilogue on some sums of a row; `bias` is that of their columns, where there is one.
    #[inline(always)]
    fn finish<S: Simd>(&self, s: S, sum: S::V, bias: S::V, row: usize, cols: Range<usize>) -> S::V {
        let zero = s.splat(0.0);
        match self.epilogue {
            Epilogue::Nothing => sum,
            Epilogue::Bias(_) => s.add(sum, bias),
            // In this order a NaN sum stays NaN.
            Epilogue::BiasRelu(_) => s.max(zero, s.add(sum, bias)),
            Epilogue::ReluBackward(output) => {
                let output = s.load_head(&output[row * self.c.cols..][cols]);
                s.if_greater(output, zero, sum, zero)
            }
        }
    }
}
