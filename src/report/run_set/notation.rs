//! Symbols, labels and units of the reconstruction: decided here and nowhere else in the report.

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
