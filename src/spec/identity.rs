//! The name of a run's directory: what a person looks for, and a hash of everything that determines the result.

use sha2::{Digest, Sha256};

use super::family::FamilySpec;
use super::run_spec::RunSpec;
use crate::choice::Choice;
use crate::data::{DataSource, KnownDataset};
use crate::engine::{Engine, Operations};
use crate::model::CodeShape;
use crate::objective::{Controller, KlEstimator, KlPenalty, SigmaSquared};

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
    /// `data_digest` is the digest of the data's content; where the data lies is no part of the hash. The machine is a
    /// part where it changes the result: see [`Operations::deviation`].
    pub fn run_id(&self, data_digest: &str) -> String {
        self.run_id_with(data_digest, self.operations().deviation().as_deref())
    }

    fn run_id_with(&self, data_digest: &str, deviation: Option<&str>) -> String {
        let machine = deviation.map(|machine| format!("machine {machine}")).unwrap_or_default();
        let hash = Sha256::new()
            .chain_update(self.to_toml())
            .chain_update(data_digest)
            .chain_update(format!("numerics {NUMERICS}"))
            .chain_update(machine)
            .finalize();
        let hash: String = hash.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect();
        // A run on other digits than MNIST must not pass for one on MNIST, whatever `auto` has found.
        let data = match self.data().source {
            DataSource::Auto => String::new(),
            DataSource::Known(known) if known.name == KnownDataset::default_entry().name => String::new(),
            source @ (DataSource::Known(_) | DataSource::Synthetic | DataSource::Idx) => format!("{}-", source.name()),
        };
        let recon = self.recon();
        let (loss, reduction) = (recon.loss.name().name(), recon.reduction.name());
        let (latent_dim, kl) = match self.family() {
            FamilySpec::Vae { latent_dim, kl, .. } => (latent_dim, kl),
            FamilySpec::VqVae { shape: CodeShape { codes, code_dim, codebook_size, .. }, vq } => {
                let (cost, vq_reduction) = vq.commitment;
                let (cost, vq_reduction) = (short(cost), vq_reduction.name());
                let size = format!("n{codes}-d{code_dim}-k{codebook_size}");
                return format!("{data}vq-{loss}-{reduction}-cm{cost}-{vq_reduction}-{size}-s{}-{hash}", self.seed());
            }
        };
        let kl_reduction = if kl.reduction == recon.reduction.kl_default() {
            String::new()
        } else {
            format!("-kl-{}", kl.reduction.name())
        };
        let penalty = match kl.penalty {
            KlPenalty::Beta { beta, .. } => format!("b{}", short(beta)),
            KlPenalty::Capacity { gamma, nats, .. } => format!("g{}-c{}", short(gamma), short(nats)),
            KlPenalty::Found(Controller::Geco(geco)) => format!("geco{}", short(geco.tolerance)),
            KlPenalty::Found(Controller::ControlVae(pi)) => format!("target{}", short(pi.target)),
        };
        format!("{data}{loss}-{reduction}{kl_reduction}-{penalty}-z{latent_dim}-s{}-{hash}", self.seed())
    }
}

impl RunSpec {
    /// The operations that a run's results depend on.
    ///
    /// Candle adds up a batch's losses in any case; that order can be felt only where a nonlinear function is taken of
    /// the sum, or where the summands are Candle's own.
    pub fn operations(&self) -> Operations {
        let recon = self.recon();
        let summed_by_kernels = recon.loss.pixel_loss().kernel(recon.output).is_some();
        let affine = match recon.loss.sigma2(1) {
            SigmaSquared::NotGaussian | SigmaSquared::Fixed(_) => true,
            SigmaSquared::Learned | SigmaSquared::MeanSquaredError | SigmaSquared::OfLogarithm(_) => false,
        };
        let plain = match self.family() {
            FamilySpec::Vae { kl, .. } => {
                let analytic = match kl.estimator {
                    KlEstimator::Analytic => true,
                    KlEstimator::MonteCarlo => false,
                };
                let linear = match kl.penalty {
                    KlPenalty::Beta { free_bits: None, .. } => true,
                    // What finds a weight takes the C library's exponential.
                    KlPenalty::Beta { free_bits: Some(_), .. } | KlPenalty::Capacity { .. } | KlPenalty::Found(_) => {
                        false
                    }
                };
                analytic && linear
            }
            // Perplexity and N ln K are made of the C library's logarithms.
            FamilySpec::VqVae { .. } => false,
        };
        match self.network().engine {
            Engine::Fused if summed_by_kernels && affine && plain => Operations::Kernels,
            Engine::Fused | Engine::Candle => Operations::Candle,
        }
    }
}

/// A number for a directory's name: at most 6 significant digits ("0.00127551", "1e-9").
fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    if rounded != 0.0 && !(1e-6..1e9).contains(&rounded) { format!("{rounded:e}") } else { format!("{rounded}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Operations;
    use crate::spec::Settings;

    fn spec(toml: &str) -> RunSpec {
        RunSpec::resolve(&toml::from_str::<Settings>(toml).unwrap()).unwrap()
    }

    #[test]
    fn a_machine_with_other_bytes_gives_a_run_another_name() {
        let spec = spec("loss = 'laplace'");
        let here = spec.run_id_with("digest", None);
        let there = spec.run_id_with("digest", Some("aarch64 macos no avx2"));
        assert_ne!(here, there);
        assert_eq!(
            here.rsplit_once('-').unwrap().0,
            there.rsplit_once('-').unwrap().0,
            "the readable part is the same"
        );
    }

    #[test]
    fn runs_of_the_kernels_alone_have_one_name_on_every_machine() {
        for toml in ["", "loss = 'mse'", "loss = 'gaussian'", "optimizer = 'sgd'"] {
            assert_eq!(spec(toml).operations(), Operations::Kernels, "{toml}");
            assert_eq!(spec(toml).operations().deviation(), None);
        }
        for toml in [
            "loss = 'laplace'",
            "loss = 'continuous-bernoulli'",
            "loss = 'mse'\noutput-activation = 'sigmoid'",
            "loss = 'gaussian-optimal'",
            "loss = 'gaussian-learned'",
            "loss = 'log-mse'",
            "kl-estimator = 'monte-carlo'",
            "capacity = 5",
            "geco-tolerance = 15",
            "target-kl = 20",
            "free-bits = 'latent:0.5'",
            "engine = 'candle'",
        ] {
            assert_eq!(spec(toml).operations(), Operations::Candle, "{toml}");
        }
    }
}
