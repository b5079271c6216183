//! The quantities of the canonical ledger.

use super::notation::ReconUnit;
use super::run::Run;
use crate::metrics::EpochRecord;
use figure::scale::drawable;

/// A quantity of the canonical ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// R, or S.
    Recon,
    /// K.
    Kl,
    /// -ELBO.
    NegElbo,
}

impl Quantity {
    /// The quantities that a group of comparable runs has: R, K and, where all reconstructions are in nats and R + K is a
    /// bound, -ELBO.
    pub fn of(group: &[&Run]) -> &'static [Quantity] {
        let mut rows = group.iter().flat_map(|run| &run.metrics).peekable();
        let bounded = rows.peek().is_none() || rows.any(|row| row.neg_elbo.is_some());
        if bounded && group.iter().all(|run| run.recon_unit() == ReconUnit::Nats) {
            &[Quantity::Recon, Quantity::Kl, Quantity::NegElbo]
        } else {
            &[Quantity::Recon, Quantity::Kl]
        }
    }

    /// The value in a row; `None` where the row has none or the value cannot be drawn.
    pub fn value(self, row: &EpochRecord) -> Option<f64> {
        match self {
            Quantity::Recon => Some(row.recon()),
            Quantity::Kl => Some(row.kl()),
            Quantity::NegElbo => row.neg_elbo,
        }
        .filter(|v| drawable(*v))
    }

    /// The symbol, where the reconstruction is measured in `unit`.
    pub fn symbol(self, unit: ReconUnit) -> &'static str {
        match self {
            Quantity::Recon => unit.symbol(),
            Quantity::Kl => "K",
            Quantity::NegElbo => "−ELBO",
        }
    }

    /// The label of an axis.
    pub fn label(self, unit: ReconUnit) -> &'static str {
        match self {
            Quantity::Recon => unit.label(),
            Quantity::Kl => "K: KL (nats per image)",
            Quantity::NegElbo => "−ELBO = R + K (nats per image)",
        }
    }
}
