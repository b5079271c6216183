//! Whether the effective weight alone decides where a run ends: measured on the runs at hand.

use std::collections::BTreeMap;

use super::naming::{WEIGHT_SETTINGS, reduction_label, same_weight, settings_key};
use super::run::Run;
use crate::metrics::EpochRecord;

/// The differences between runs with the same effective weight and seed under different reductions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// The number of pairs of such runs.
    pub pairs: usize,
    /// The largest difference in R (or S), per image.
    pub recon: f64,
    /// The largest difference in K, in nats per image.
    pub kl: f64,
}

/// Compares all pairs of completed runs that differ in reduction, weights and beta but not in their effective weight, nor
/// in any other setting; `None` without such a pair. The runs must be comparable.
pub fn agreement(runs: &[&Run]) -> Option<Agreement> {
    let mut by_settings: BTreeMap<Vec<String>, Vec<(&Run, &EpochRecord, f64)>> = BTreeMap::new();
    for run in runs {
        let (Some(row), Some(weight)) = (run.result(), run.effective_weight()) else { continue };
        let mut key = settings_key(&run.settings, &WEIGHT_SETTINGS);
        key.push(weight.symbol().to_owned());
        by_settings.entry(key).or_default().push((run, row, weight.value()));
    }
    let mut found = Agreement { pairs: 0, recon: 0.0, kl: 0.0 };
    for mut runs in by_settings.into_values() {
        runs.sort_by(|a, b| a.2.total_cmp(&b.2));
        for same in runs.chunk_by(|a, b| same_weight(a.2, b.2)) {
            for (i, (run, row, _)) in same.iter().enumerate() {
                for (other, other_row, _) in &same[..i] {
                    if reduction_label(&run.settings) == reduction_label(&other.settings) {
                        continue;
                    }
                    found.pairs += 1;
                    found.recon = found.recon.max((row.recon - other_row.recon).abs());
                    found.kl = found.kl.max((row.kl - other_row.kl).abs());
                }
            }
        }
    }
    (found.pairs > 0).then_some(found)
}
