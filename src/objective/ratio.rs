//! Weights as ratios, so that 1/784 against 1 is a beta of 784 and not of 784.0000000000001.

use std::ops::{Div, Mul};

/// A weight, numerator over denominator; both finite, the denominator not 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    numerator: f64,
    denominator: f64,
}

impl Ratio {
    /// The ratio of two numbers.
    pub const fn new(numerator: f64, denominator: f64) -> Self {
        Ratio { numerator, denominator }
    }

    /// The number it is, rounded once.
    pub fn value(self) -> f64 {
        self.numerator / self.denominator
    }
}

impl From<f64> for Ratio {
    fn from(value: f64) -> Self {
        Ratio::new(value, 1.0)
    }
}

impl Mul for Ratio {
    type Output = Ratio;

    fn mul(self, other: Ratio) -> Ratio {
        Ratio::new(self.numerator * other.numerator, self.denominator * other.denominator)
    }
}

impl Div for Ratio {
    type Output = Ratio;

    fn div(self, other: Ratio) -> Ratio {
        Ratio::new(self.numerator * other.denominator, self.denominator * other.numerator)
    }
}
