//! The name of a run's directory: what a person looks for, and a hash of everything that determines the result.

use sha2::{Digest, Sha256};

use super::run_spec::RunSpec;
use crate::choice::Choice;
use crate::data::{DataSource, KnownDataset};
use crate::objective::KlPenalty;

/// The version of the arithmetic: runs of two versions may differ in their last digits. Raised with every change after
/// which the same spec and seed give other bytes; part of every run's name and of `run.json`.
pub const NUMERICS: u32 = 2;

/// Bytes of the hash in a name: 64 bits, so that names of a million runs of one prefix collide with a chance below 1e-7.
const HASH_BYTES: usize = 8;

impl RunSpec {
    /// The settings as TOML, with nothing left to default.
    pub fn to_toml(&self) -> String {
        toml::to_string(self.settings()).expect("numbers, words and lists without a path always have a TOML form")
    }

    /// The name of the run's directory.
    ///
    /// `data_digest` is the digest of the data's content; where the data lies is no part of the hash.
    pub fn run_id(&self, data_digest: &str) -> String {
        let hash = Sha256::new()
            .chain_update(self.to_toml())
            .chain_update(data_digest)
            .chain_update(format!("numerics {NUMERICS}"))
            .finalize();
        let hash: String = hash.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect();
        let (recon, kl) = (self.recon(), self.family().kl());
        let kl_reduction = if kl.reduction == recon.reduction.kl_default() {
            String::new()
        } else {
            format!("-kl-{}", kl.reduction.name())
        };
        let penalty = match kl.penalty {
            KlPenalty::Beta { beta, .. } => format!("b{}", short(beta)),
            KlPenalty::Capacity { gamma, nats, .. } => format!("g{}-c{}", short(gamma), short(nats)),
        };
        // A run on other digits than MNIST must not pass for one on MNIST, whatever `auto` has found.
        let data = match self.data().source {
            DataSource::Auto => String::new(),
            DataSource::Known(known) if known.name == KnownDataset::default_entry().name => String::new(),
            source @ (DataSource::Known(_) | DataSource::Synthetic | DataSource::Idx) => format!("{}-", source.name()),
        };
        let (loss, reduction, latents) = (recon.loss.name().name(), recon.reduction.name(), self.family().latent_dim());
        format!("{data}{loss}-{reduction}{kl_reduction}-{penalty}-z{latents}-s{}-{hash}", self.seed())
    }
}

/// A number for a directory's name: at most 6 significant digits ("0.00127551", "1e-9").
fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    if rounded != 0.0 && !(1e-6..1e9).contains(&rounded) { format!("{rounded:e}") } else { format!("{rounded}") }
}
