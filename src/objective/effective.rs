//! The number that makes objectives comparable.

use std::fmt;

use figure::number::significant;

/// What is left of an objective's weights once a common factor is divided out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EffectiveWeight {
    /// b / a, where the reconstruction is a likelihood.
    Beta(f64),
    /// b / (2a), where it is a squared error: only the product beta * sigma^2 is fixed.
    BetaSigma2(f64),
    /// w_cm / a of a VQ-VAE: the one ratio that its encoder sees.
    CommitmentRatio(f64),
}

impl EffectiveWeight {
    /// The effective weight of a run with these columns: beta where there is one, else beta * sigma^2.
    pub fn of(beta_effective: Option<f64>, beta_sigma2: Option<f64>) -> Option<Self> {
        beta_effective.map(EffectiveWeight::Beta).or_else(|| beta_sigma2.map(EffectiveWeight::BetaSigma2))
    }

    /// The number.
    pub fn value(self) -> f64 {
        match self {
            EffectiveWeight::Beta(value)
            | EffectiveWeight::BetaSigma2(value)
            | EffectiveWeight::CommitmentRatio(value) => value,
        }
    }

    /// The symbol in pictures and on pages.
    pub fn symbol(self) -> &'static str {
        match self {
            EffectiveWeight::Beta(_) => "effective beta",
            EffectiveWeight::BetaSigma2(_) => "beta·σ²",
            EffectiveWeight::CommitmentRatio(_) => "rho",
        }
    }

    /// The symbol on a terminal, in ASCII.
    pub fn ascii_symbol(self) -> &'static str {
        match self {
            EffectiveWeight::Beta(_) => "effective beta",
            EffectiveWeight::BetaSigma2(_) => "beta*sigma^2",
            EffectiveWeight::CommitmentRatio(_) => "rho",
        }
    }

    /// Whether two weights are of the same kind and can be compared.
    pub fn same_kind(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }

    /// As an axis is labelled.
    pub fn label(self) -> &'static str {
        match self {
            EffectiveWeight::Beta(_) => "effective beta = b / a",
            EffectiveWeight::BetaSigma2(_) => "beta·σ² = b / (2a)",
            EffectiveWeight::CommitmentRatio(_) => "rho = w_cm / a",
        }
    }
}

impl fmt::Display for EffectiveWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.symbol(), significant(self.value()))
    }
}
