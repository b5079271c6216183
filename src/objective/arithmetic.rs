//! The arithmetic of loss formulas, on one number or on a tensor through which gradients flow, so that each formula is
//! written once.

use candle_core::{Result, Tensor};

/// A number, or a tensor of them.
pub trait Arithmetic: Clone {
    /// `self * factor + shift`.
    ///
    /// # Errors
    /// Where a tensor cannot be made.
    fn affine(&self, factor: f64, shift: f64) -> Result<Self>;

    /// The natural logarithm.
    ///
    /// # Errors
    /// Where a tensor cannot be made.
    fn ln(&self) -> Result<Self>;

    /// The exponential.
    ///
    /// # Errors
    /// Where a tensor cannot be made.
    fn exp(&self) -> Result<Self>;

    /// The absolute value.
    ///
    /// # Errors
    /// Where a tensor cannot be made.
    fn abs(&self) -> Result<Self>;

    /// max(self, 0).
    ///
    /// # Errors
    /// Where a tensor cannot be made.
    fn positive_part(&self) -> Result<Self>;

    /// The sum.
    ///
    /// # Errors
    /// Where shapes differ.
    fn plus(&self, other: &Self) -> Result<Self>;

    /// The product.
    ///
    /// # Errors
    /// Where shapes differ.
    fn times(&self, other: &Self) -> Result<Self>;

    /// `self`, a single number, in the shape of `other`: a learned scalar is stored with one dimension.
    ///
    /// # Errors
    /// Where the numbers of elements differ.
    fn shaped_like(&self, other: &Self) -> Result<Self>;
}

impl Arithmetic for f64 {
    fn affine(&self, factor: f64, shift: f64) -> Result<Self> {
        Ok(self * factor + shift)
    }
    fn ln(&self) -> Result<Self> {
        Ok(f64::ln(*self))
    }
    fn exp(&self) -> Result<Self> {
        Ok(f64::exp(*self))
    }
    fn abs(&self) -> Result<Self> {
        Ok(f64::abs(*self))
    }
    fn positive_part(&self) -> Result<Self> {
        Ok(self.max(0.0))
    }
    fn plus(&self, other: &Self) -> Result<Self> {
        Ok(self + other)
    }
    fn times(&self, other: &Self) -> Result<Self> {
        Ok(self * other)
    }
    fn shaped_like(&self, _: &Self) -> Result<Self> {
        Ok(*self)
    }
}

impl Arithmetic for Tensor {
    fn affine(&self, factor: f64, shift: f64) -> Result<Self> {
        Tensor::affine(self, factor, shift)
    }
    fn ln(&self) -> Result<Self> {
        self.log()
    }
    fn exp(&self) -> Result<Self> {
        Tensor::exp(self)
    }
    fn abs(&self) -> Result<Self> {
        Tensor::abs(self)
    }
    fn positive_part(&self) -> Result<Self> {
        self.relu()
    }
    fn plus(&self, other: &Self) -> Result<Self> {
        self + other
    }
    fn times(&self, other: &Self) -> Result<Self> {
        self * other
    }
    fn shaped_like(&self, other: &Self) -> Result<Self> {
        self.reshape(())?.broadcast_as(other.shape())
    }
}
