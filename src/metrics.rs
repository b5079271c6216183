//! Plain numbers about one epoch: trainers fill them in, reports read them.

use serde::{Deserialize, Serialize};

use crate::objective::EffectiveWeight;
use crate::terms::{Ledgers, Term};

/// Which images a row speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// The training images, averaged over the epoch while the weights move.
    Train,
    /// The test images, with the weights of the epoch's end.
    Test,
}

/// One row of `metrics.csv`: an epoch on one split. Its columns are those of [`crate::records::Column`].
#[derive(Clone, Debug, PartialEq)]
pub struct EpochRecord {
    /// 0 is the untrained model.
    pub epoch: u32,
    /// The images the row speaks of.
    pub split: Split,
    /// Both ledgers, averaged over the images.
    pub ledgers: Ledgers,
    /// R + K in nats where that is the negative ELBO.
    pub neg_elbo: Option<f64>,
    /// b / a; at the end of the epoch; none where the loss is no likelihood, and under a capacity.
    pub beta_effective: Option<f64>,
    /// beta * sigma^2, what a squared error fixes; none outside the Gaussian family, and under a capacity.
    pub beta_sigma2: Option<f64>,
    /// Latents whose posterior mean has a variance above 0.01 over the test images (Burda et al. 2016, section 5.2).
    pub active_units: Option<u32>,
    /// (R + K) / (D ln 2), where R is -log of a mass of 256 grey levels; none elsewhere.
    pub bits_per_dim: Option<f64>,
    /// What a VQ-VAE has in place of the last three; all none for a VAE.
    pub codes: CodeMetrics,
    /// lambda of GECO or beta of ControlVAE after the epoch's last step; none where no weight is found.
    pub multiplier: Option<f64>,
}

/// Numbers of an epoch that only a VQ-VAE has.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CodeMetrics {
    /// exp of the entropy of the code use over the test images.
    pub perplexity: Option<f64>,
    /// Codebook entries that at least one code of a test image is nearest to.
    pub codes_used: Option<u32>,
    /// rho = w_cm / a, the one ratio that the encoder sees.
    pub commitment_ratio: Option<f64>,
}

impl EpochRecord {
    /// The value of `term` per image, summed over its elements, whatever was trained.
    pub fn canonical(&self, term: Term) -> Option<f64> {
        self.ledgers.canonical.get(term).copied()
    }

    /// The value of `term` with its weight, as the optimiser saw it.
    pub fn weighted(&self, term: Term) -> Option<f64> {
        self.ledgers.weighted.get(term).copied()
    }

    /// R, or S, per image: every model reconstructs.
    pub fn recon(&self) -> f64 {
        self.canonical(Term::Recon).unwrap_or(f64::NAN)
    }

    /// K per image: of every family's posterior.
    pub fn kl(&self) -> f64 {
        self.canonical(Term::Kl).unwrap_or(f64::NAN)
    }

    /// C of a VQ-VAE: the squared distance of an image's codes from their entries.
    pub fn code_distance(&self) -> Option<f64> {
        self.canonical(Term::Commitment)
    }

    /// What the optimiser minimised: the sum of the weighted terms.
    pub fn objective(&self) -> f64 {
        self.ledgers.objective()
    }

    /// What makes the row's objective comparable with others.
    pub fn effective(&self) -> Option<EffectiveWeight> {
        EffectiveWeight::of(self.beta_effective, self.beta_sigma2)
    }
}

/// One row of `timing.csv`: the clock, kept apart from what must repeat to the byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimingRecord {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Seconds in the pass over the training images alone.
    pub train_s: f64,
    /// Seconds in the evaluation on the test images.
    pub eval_s: f64,
    /// Training images per second of `train_s`.
    pub images_per_s: f64,
}

/// One row of `latents.csv`: a latent of a trained model, measured on the test images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatentRecord {
    /// The latent, from 1.
    pub latent: u32,
    /// Its part of K, in nats.
    pub kl: f64,
    /// Variance of its posterior mean over the images.
    pub mean_variance: f64,
}

/// One row of `codes.csv`: a codebook entry of a trained VQ-VAE, measured on the test images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodeRecord {
    /// The entry, from 1.
    pub code: u32,
    /// How often it was the nearest.
    pub uses: u64,
    /// The same as a share of all codes.
    pub share: f64,
    /// Its length, the square root of its sum of squares.
    pub length: f64,
}
