//! Plain numbers about one epoch: the two ledgers. A leaf: trainers fill it, reports read it.

use serde::{Deserialize, Serialize};

/// Which images a row speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// The training images, averaged over the epoch while the weights move.
    Train,
    /// The test images, with the weights of the epoch's end.
    Test,
}

/// One row of `metrics.csv`. The field order is the column order, a contract; an empty cell is `None`.
///
/// With D pixels, d latents and B images: R is the reconstruction loss of one image summed over its D pixels, K the KL
/// of one image summed over its d latents. Both are averaged over images, each image counted once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRecord {
    /// 0 is the untrained model.
    pub epoch: u32,
    /// The images the row speaks of.
    pub split: Split,
    /// Objective ledger: what the optimiser minimised, `recon_term + kl_term`.
    pub objective: f64,
    /// Objective ledger: a * R.
    pub recon_term: f64,
    /// Objective ledger: b * K.
    pub kl_term: f64,
    /// Canonical ledger: R (nats for a likelihood), or S, the squared error, for `mse`.
    pub recon: f64,
    /// Canonical ledger: K, in nats.
    pub kl: f64,
    /// R + K in nats, the negative ELBO; none where the loss is no likelihood.
    pub neg_elbo: Option<f64>,
    /// b / a; none where the loss is no likelihood.
    pub beta_effective: Option<f64>,
    /// beta * sigma^2, what a squared error fixes; none outside the Gaussian family.
    pub beta_sigma2: Option<f64>,
    /// Latents whose posterior mean has a variance above 0.01 over the test images (Burda et al. 2016, section 5.2).
    pub active_units: Option<u32>,
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
