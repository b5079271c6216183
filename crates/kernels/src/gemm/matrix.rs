//! A matrix seen in a slice.

use super::pack::Strip;
use crate::system::parallel::elements;
use std::ops::Range;

/// A matrix seen in a slice, with any strides: a transpose costs nothing to express.
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a> {
    data: &'a [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
    pub(super) zeros: Zeros,
}

/// How many elements of a factor are 0, as far as the caller knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zeros {
    /// Nothing is known.
    Few,
    /// Most elements may be 0, and neighbours together.
    Many,
}

impl<'a> MatRef<'a> {
    /// A row-major matrix that fills `data`.
    ///
    /// # Panics
    /// If `data` does not have `rows * cols` elements.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        let needed = elements("a matrix", rows, cols);
        assert_eq!(data.len(), needed, "a {rows} x {cols} matrix needs {needed} elements, not {}", data.len());
        Self::strided(data, rows, cols, cols, 1)
    }

    /// Element (i, j) is `data[i * row_stride + j * col_stride]`.
    ///
    /// # Panics
    /// If the last element lies outside `data`.
    pub fn strided(data: &'a [f32], rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> Self {
        if rows > 0 && cols > 0 {
            // Checked: every later index is at most this one, and is trusted to be below `data.len()`.
            let down = (rows - 1).checked_mul(row_stride);
            let right = (cols - 1).checked_mul(col_stride);
            let last = down.zip(right).and_then(|(down, right)| down.checked_add(right));
            let Some(last) = last else {
                panic!(
                    "a {rows} x {cols} matrix with strides {row_stride}, {col_stride} has more elements than memory holds"
                )
            };
            assert!(
                last < data.len(),
                "the last element of a {rows} x {cols} matrix with strides {row_stride}, {col_stride} is number {last}; \
                 the data has {} elements",
                data.len()
            );
        }
        MatRef { data, rows, cols, row_stride, col_stride, zeros: Zeros::Few }
    }

    /// The same matrix, marked so that a large product leaves out the steps of k at which four neighbouring rows (of the left
    /// factor) or columns (of the right one) are all 0, as many black pixels of images are. Worth it from a third of zeros on.
    /// Rows of the left factor that are 0 throughout are left out as well where this is the right one.
    ///
    /// Skipping leaves the product's bytes as they are where both factors are finite, with one exception: a partial
    /// sum of -0 (a negative product that underflowed) stays -0 where adding 0 would have made it +0.
    pub fn mostly_zero(self) -> Self {
        MatRef { zeros: Zeros::Many, ..self }
    }

    /// The transpose, of the same data.
    pub fn t(self) -> Self {
        MatRef { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    /// The data from element (row, col) on; empty where the matrix has no such element.
    #[inline(always)]
    pub(super) fn from(&self, row: usize, col: usize) -> &'a [f32] {
        if row < self.rows && col < self.cols {
            &self.data[row * self.row_stride + col * self.col_stride..]
        } else {
            &[]
        }
    }

    /// Some rows and columns, to be packed with the columns as lanes.
    #[inline(always)]
    pub(super) fn strip(&self, cols: Range<usize>, rows: Range<usize>) -> Strip<'a> {
        Strip {
            data: self.from(rows.start, cols.start),
            lanes: cols.len(),
            depth: rows.len(),
            lane_stride: self.col_stride,
            depth_stride: self.row_stride,
        }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns.
    pub fn cols(&self) -> usize {
        self.cols
    }
}
