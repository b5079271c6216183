//! K, the divergence of the approximate posterior from the prior, and what code bases make of it.

use std::fmt;
use std::str::FromStr;

use candle_core::{D, Result as TensorResult, Tensor};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::schedule::{Rise, Time};
use crate::model::Posterior;

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

/// What is done to the KL before it is weighed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constraint {
    /// Nothing.
    None,
    /// Less than this costs no less.
    FreeBits(FreeBits),
    /// |K - C| with C rising to a given capacity (Burgess et al. 2018, equation 8); its weight is gamma.
    Capacity {
        /// C at the end, in nats.
        nats: f64,
        /// How C rises; none: at once.
        rise: Option<Rise>,
    },
}

/// log q(z|x) - log p(z) of every image, `[batch]`, for `z` drawn with standard deviation exp(logvar/2).
pub fn log_ratio(posterior: &Posterior, z: &Tensor) -> TensorResult<Tensor> {
    // log N(z; mean, sigma^2) - log N(z; 0, 1): the log(2 pi) of both cancel.
    let Posterior { mean, logvar } = posterior;
    let scaled = ((z - mean)?.sqr()? * logvar.neg()?.exp()?)?;
    (((z.sqr()? - scaled)? - logvar)? * 0.5)?.sum(D::Minus1)
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

impl Constraint {
    /// C at `time`.
    pub(super) fn capacity(nats: f64, rise: Option<Rise>, time: Time) -> f64 {
        nats * rise.map_or(1.0, |rise| rise.at(time))
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
