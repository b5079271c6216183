//! Symbols, labels and units of the quantities that depend on the loss: decided here and nowhere else in the report.

use std::fmt;

use crate::text::significant;

/// The weight of the KL relative to the reconstruction: within one kind, objectives with the same value are equivalent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EffectiveWeight {
    /// b / a, of a likelihood.
    Beta(f64),
    /// b / (2a), of a squared error: beta times the variance of the Gaussian that the error stands for.
    BetaSigma2(f64),
}

impl EffectiveWeight {
    /// The symbol, without the value.
    pub fn symbol(self) -> &'static str {
        match self {
            EffectiveWeight::Beta(_) => "effective beta",
            EffectiveWeight::BetaSigma2(_) => "beta·σ²",
        }
    }

    /// The label of an axis: the symbol and its definition.
    pub fn label(self) -> &'static str {
        match self {
            EffectiveWeight::Beta(_) => "effective beta = b / a",
            EffectiveWeight::BetaSigma2(_) => "beta·σ² = b / (2a)",
        }
    }

    /// The value, without its kind.
    pub fn value(self) -> f64 {
        match self {
            EffectiveWeight::Beta(value) | EffectiveWeight::BetaSigma2(value) => value,
        }
    }
}

/// "effective beta 784".
impl fmt::Display for EffectiveWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.symbol(), significant(self.value()))
    }
}

/// Whether two weights are of the same kind and can be compared.
pub fn same_kind(a: EffectiveWeight, b: EffectiveWeight) -> bool {
    std::mem::discriminant(&a) == std::mem::discriminant(&b)
}

/// The unit of the canonical reconstruction, which decides its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconUnit {
    /// R: nats, of a likelihood.
    Nats,
    /// S: the squared error itself, which is no likelihood.
    SquaredError,
}

impl ReconUnit {
    /// R or S.
    pub fn symbol(self) -> &'static str {
        match self {
            ReconUnit::Nats => "R",
            ReconUnit::SquaredError => "S",
        }
    }

    /// The symbol with its unit.
    pub fn short_label(self) -> &'static str {
        match self {
            ReconUnit::Nats => "R (nats per image)",
            ReconUnit::SquaredError => "S (squared error per image)",
        }
    }

    /// The label of an axis.
    pub fn label(self) -> &'static str {
        match self {
            ReconUnit::Nats => "R: reconstruction (nats per image)",
            ReconUnit::SquaredError => "S: squared error (per image)",
        }
    }
}
