//! K, the divergence of the approximate posterior from the prior, and what code bases make of it.

use std::fmt;
use std::str::FromStr;

use candle_core::{D, Result as TensorResult, Tensor};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::arithmetic::Arithmetic;
use super::controller::{Controller, Moment};
use super::ratio::Ratio;
use super::schedule::{Schedule, Time};
use super::weight::Weight;
use crate::pass::{GaussianLatents, Sampling};

/// How the KL of the objective is computed. The canonical K is always the closed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum KlEstimator {
    /// closed form: 1/2 * sum_j (mean^2 + sigma^2 - 1 - log sigma^2)
    Analytic,
    /// one sample: log q(z|x) - log p(z) at the z that is decoded; can be negative for an image
    MonteCarlo,
}

/// Which amount of KL is free. All are written `KIND:NATS` on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FreeBits {
    /// `latent`: sum_j max(K_ij, nats), per latent and image.
    PerLatent(f64),
    /// `latent-batch`: sum_j max(mean_i K_ij, nats), per latent over the batch mean (Kingma et al. 2016, equation 15).
    PerLatentBatch(f64),
    /// `image`: max(K_i, nats), on the image's total (WorldModels).
    PerImage(f64),
}

/// What pulls on the KL.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KlPenalty {
    /// beta * K, K after free bits.
    Beta {
        /// The factor, as the code base writes it.
        beta: f64,
        /// How the factor rises; none: constant.
        warmup: Option<Schedule>,
        /// KL that costs nothing.
        free_bits: Option<FreeBits>,
    },
    /// gamma * |K - C|, with C rising to a capacity (Burgess et al. 2018, equation 8).
    Capacity {
        /// The factor.
        gamma: f64,
        /// C at the end, in nats.
        nats: f64,
        /// How C rises; none: at once.
        rise: Option<Schedule>,
    },
    /// A weight that is found while training: beta, or lambda on the reconstruction beside a K as it is.
    Found(Controller),
}

/// The kinds of penalties, as settings choose them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PenaltyName {
    /// beta * K.
    Beta,
    /// gamma * |K - C|.
    Capacity,
    /// K, and lambda on the reconstruction.
    Geco,
    /// beta * K with a beta that is found.
    ControlVae,
}

/// The KL in an objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KlTerm {
    /// b without beta (or gamma): reduction, latents and any other factor.
    pub weight: Weight,
    /// How the KL is computed.
    pub estimator: KlEstimator,
    /// What is done with it.
    pub penalty: KlPenalty,
    /// How z was drawn: R + K bounds the likelihood only where z follows the q whose KL is K.
    pub sampling: Sampling,
}

impl KlPenalty {
    /// beta, or gamma, at `moment`.
    fn factor(self, moment: Moment) -> f64 {
        match self {
            KlPenalty::Beta { beta, .. } => beta,
            KlPenalty::Capacity { gamma, .. } => gamma,
            KlPenalty::Found(Controller::Geco(_)) => 1.0,
            KlPenalty::Found(Controller::ControlVae(_)) => moment.multiplier.value(),
        }
    }

    /// What finds a weight, where one is found.
    pub fn controller(self) -> Option<Controller> {
        match self {
            KlPenalty::Found(controller) => Some(controller),
            KlPenalty::Beta { .. } | KlPenalty::Capacity { .. } => None,
        }
    }

    /// What is free, where something is.
    pub fn free_bits(self) -> Option<FreeBits> {
        match self {
            KlPenalty::Beta { free_bits, .. } => free_bits,
            KlPenalty::Capacity { .. } | KlPenalty::Found(_) => None,
        }
    }

    /// How far beta has risen at `time`, in [0, 1]; gamma does not rise.
    pub fn warmup(self, time: Time) -> f64 {
        match self {
            KlPenalty::Beta { warmup, .. } => warmup.map_or(1.0, |schedule| schedule.at(time)),
            KlPenalty::Capacity { .. } | KlPenalty::Found(_) => 1.0,
        }
    }

    /// |K - C| under a capacity, K itself otherwise.
    fn distance<T: Arithmetic>(self, kl: &T, time: Time) -> TensorResult<T> {
        match self {
            KlPenalty::Capacity { nats, rise, .. } => {
                let capacity = nats * rise.map_or(1.0, |schedule| schedule.at(time));
                kl.affine(1.0, -capacity)?.abs()
            }
            KlPenalty::Beta { .. } | KlPenalty::Found(_) => Ok(kl.clone()),
        }
    }
}

impl KlTerm {
    /// d, the latents.
    pub fn latent_dim(&self) -> usize {
        self.weight.elements
    }

    /// b, for a batch of `batch` images at `moment`.
    pub fn weight_at(&self, batch: usize, moment: Moment) -> Ratio {
        let Weight { reduction, scale, elements } = self.weight;
        let factor = Ratio::from(self.penalty.factor(moment)) * scale;
        Ratio::from(self.penalty.warmup(moment.time)) * factor * reduction.weight(elements, batch)
    }

    /// Whether the objective weights K itself, so that one number serves both ledgers to the last digit.
    pub fn is_plain(&self) -> bool {
        self.estimator == KlEstimator::Analytic && self.penalty.free_bits().is_none()
    }

    /// The KL of a batch as estimated and after free bits, a scalar averaged over images, before any capacity.
    ///
    /// # Errors
    /// Where a tensor cannot be made.
    pub fn estimate(&self, latents: &GaussianLatents) -> TensorResult<Tensor> {
        match (self.estimator, self.penalty.free_bits()) {
            (KlEstimator::Analytic, None) => latents.kl.sum(D::Minus1)?.mean_all(),
            (KlEstimator::Analytic, Some(free)) => free.apply(&latents.kl),
            (KlEstimator::MonteCarlo, None) => latents.log_ratio()?.mean_all(),
            (KlEstimator::MonteCarlo, Some(free)) => free.apply(&latents.log_ratio()?.unsqueeze(D::Minus1)?),
        }
    }

    /// The estimate for a whole set, from the average of its batches' estimates and the set's K of every latent.
    pub fn estimate_of_set(&self, average: f64, kl_per_latent: &[f64]) -> f64 {
        match self.penalty.free_bits() {
            // Over a batch mean: for a set, over the set's mean, with no trace of the batches it was evaluated in.
            Some(FreeBits::PerLatentBatch(nats)) => kl_per_latent.iter().map(|k| k.max(nats)).sum(),
            Some(FreeBits::PerLatent(_) | FreeBits::PerImage(_)) | None => average,
        }
    }

    /// What b weights: the estimate, or its distance from the capacity.
    ///
    /// # Errors
    /// Where a tensor cannot be made.
    pub fn weighted<T: Arithmetic>(&self, estimate: &T, time: Time) -> TensorResult<T> {
        self.penalty.distance(estimate, time)
    }
}

impl FreeBits {
    /// The amount in nats.
    pub fn nats(self) -> f64 {
        match self {
            FreeBits::PerLatent(nats) | FreeBits::PerLatentBatch(nats) | FreeBits::PerImage(nats) => nats,
        }
    }

    /// The constrained KL of a batch, a scalar: averaged over images; `kl` is `[batch, latent_dim]`.
    pub(super) fn apply(self, kl: &Tensor) -> TensorResult<Tensor> {
        match self {
            FreeBits::PerLatent(nats) => kl.maximum(nats)?.sum(D::Minus1)?.mean_all(),
            FreeBits::PerLatentBatch(nats) => kl.mean(0)?.maximum(nats)?.sum_all(),
            FreeBits::PerImage(nats) => kl.sum(D::Minus1)?.maximum(nats)?.mean_all(),
        }
    }
}

impl fmt::Display for FreeBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FreeBits::PerLatent(nats) => write!(f, "latent:{nats}"),
            FreeBits::PerLatentBatch(nats) => write!(f, "latent-batch:{nats}"),
            FreeBits::PerImage(nats) => write!(f, "image:{nats}"),
        }
    }
}

impl FromStr for FreeBits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = || "write a kind and an amount in nats such as latent:0.1, latent-batch:0.1 or image:10".to_owned();
        let (kind, nats) = text.trim().split_once(':').ok_or_else(hint)?;
        let nats: f64 = nats.trim().parse().map_err(|_| hint())?;
        if !(nats.is_finite() && nats >= 0.0) {
            return Err(hint());
        }
        match kind {
            "latent" => Ok(FreeBits::PerLatent(nats)),
            "latent-batch" => Ok(FreeBits::PerLatentBatch(nats)),
            "image" => Ok(FreeBits::PerImage(nats)),
            _ => Err(hint()),
        }
    }
}

impl TryFrom<String> for FreeBits {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<FreeBits> for String {
    fn from(value: FreeBits) -> String {
        value.to_string()
    }
}
