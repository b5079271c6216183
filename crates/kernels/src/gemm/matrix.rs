//! A matrix seen in a slice.

use crate::system::parallel::elements;

/// A matrix seen in a slice, as it was stored or transposed: a transpose costs nothing to express.
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a> {
    data: &'a [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) order: Order,
    pub(super) zeros: Zeros,
}

/// Which elements are neighbours in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Those of a row.
    Rows,
    /// Those of a column.
    Columns,
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
        MatRef { data, rows, cols, order: Order::Rows, zeros: Zeros::Few }
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
        let order = match self.order {
            Order::Rows => Order::Columns,
            Order::Columns => Order::Rows,
        };
        MatRef { rows: self.cols, cols: self.rows, order, ..self }
    }

    /// The data from element (row, col) on; empty where the matrix has no such element.
    #[inline(always)]
    pub(super) fn from(&self, row: usize, col: usize) -> &'a [f32] {
        if row >= self.rows || col >= self.cols {
            return &[];
        }
        match self.order {
            Order::Rows => &self.data[row * self.cols + col..],
            Order::Columns => &self.data[col * self.rows + row..],
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
