//! The reconstruction term, R = -log p(x|z), or S where the loss is no likelihood.
//!
//! Every loss here is a function f of one average: the *energy* of an image (its summed BCE, squared or absolute error)
//! averaged over images. For most, f is affine and adds scale and constants; where sigma is fitted to the batch it is a
//! logarithm. Networks and kernels see the energy alone; f is arithmetic on one number.

use candle_core::{Result, Tensor};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::energy::Energy;

/// The name of a reconstruction loss, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Bernoulli NLL of the logits l: sum_i max(l,0) - l*x + log(1 + exp(-|l|)); no likelihood of grey pixels
    Bce,
    /// squared error S = sum_i (x - x^)^2, without 1/2: a Gaussian likelihood only up to a scale
    Mse,
    /// Gaussian NLL with its constants: S/(2*sigma2) + D/2*log(2*pi*sigma2), --sigma2 fixed
    Gaussian,
    /// the same with one learned log sigma, softclipped at -6 (sigma-VAE)
    GaussianLearned,
    /// the same at the best sigma2, the batch's MSE: D/2*(log(2*pi*MSE) + 1) (optimal sigma-VAE)
    GaussianOptimal,
    /// log(MSE), bare or times D/2 (--log-mse-scale); no likelihood
    LogMse,
    /// Laplace NLL with its constants: sum_i |x - x^|/scale + D*log(2*scale), --laplace-scale fixed
    Laplace,
    /// continuous Bernoulli NLL of the logits: bce - sum_i log C(l), a density on [0,1]
    ContinuousBernoulli,
}

impl Loss {
    /// What R measures under this loss.
    pub fn measure(self) -> Measure {
        match self {
            Loss::Bce => Measure::Mass,
            Loss::Mse | Loss::LogMse => Measure::SquaredError,
            Loss::Gaussian
            | Loss::GaussianLearned
            | Loss::GaussianOptimal
            | Loss::Laplace
            | Loss::ContinuousBernoulli => Measure::Density,
        }
    }
}

/// What log(MSE) is multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogMseScale {
    /// nothing, as proposed in benchmark_VAE issue 124
    Bare,
    /// D/2, which makes it the Gaussian NLL at the best sigma2, up to a constant
    HalfPixels,
}

/// A reconstruction loss with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Likelihood {
    /// Bernoulli on logits.
    Bernoulli,
    /// Loaiza-Ganem & Cunningham 2019, "The continuous Bernoulli", on logits.
    ContinuousBernoulli,
    /// Squared error, no half, no constants: not a likelihood.
    SquaredError,
    /// Gaussian of fixed variance, all constants included.
    Gaussian {
        /// The variance sigma^2 of a pixel.
        sigma2: f64,
    },
    /// Gaussian with one learned log sigma (Rybkin et al. 2021, "Simple and effective VAE training with calibrated decoders").
    GaussianLearned,
    /// Gaussian at the variance that minimises the NLL of the images at hand, their MSE (same paper, section 3.2).
    GaussianOptimal,
    /// log(MSE) times a scale: not a likelihood.
    LogMse {
        /// The factor on the logarithm.
        scale: LogMseScale,
    },
    /// Laplace of fixed scale, all constants included.
    Laplace {
        /// The scale b of a pixel: density exp(-|x - x^|/b) / (2b).
        scale: f64,
    },
}

/// What the numbers of a loss measure: two runs are comparable in R only where this is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// Negative log-probability (of binary pixels; a cross-entropy of grey ones).
    Mass,
    /// Negative log-density, all constants included; can be negative.
    Density,
    /// Squared error, no likelihood.
    SquaredError,
}

/// Lower bound of a learned log sigma, reached smoothly.
const LOG_SIGMA_FLOOR: f64 = -6.0;

impl Likelihood {
    /// The name of the loss, without its parameters.
    pub fn loss(self) -> Loss {
        match self {
            Likelihood::Bernoulli => Loss::Bce,
            Likelihood::ContinuousBernoulli => Loss::ContinuousBernoulli,
            Likelihood::SquaredError => Loss::Mse,
            Likelihood::Gaussian { .. } => Loss::Gaussian,
            Likelihood::GaussianLearned => Loss::GaussianLearned,
            Likelihood::GaussianOptimal => Loss::GaussianOptimal,
            Likelihood::LogMse { .. } => Loss::LogMse,
            Likelihood::Laplace { .. } => Loss::Laplace,
        }
    }

    /// What is summed over the pixels of an image.
    pub fn energy(self) -> Energy {
        match self {
            Likelihood::Bernoulli => Energy::Bernoulli,
            Likelihood::ContinuousBernoulli => Energy::ContinuousBernoulli,
            Likelihood::SquaredError
            | Likelihood::Gaussian { .. }
            | Likelihood::GaussianLearned
            | Likelihood::GaussianOptimal
            | Likelihood::LogMse { .. } => Energy::Squared,
            Likelihood::Laplace { .. } => Energy::Absolute,
        }
    }

    /// Whether R is in nats, so that R + K is a bound.
    pub fn is_likelihood(self) -> bool {
        self.loss().measure() != Measure::SquaredError
    }

    /// Whether a log sigma is learned with the weights.
    pub fn learns_sigma(self) -> bool {
        self == Likelihood::GaussianLearned
    }

    /// R (or S) of images of `pixels` pixels whose average energy is `energy`, a scalar; `log_sigma` is the learned
    /// parameter, where there is one. Gradients flow through both.
    pub fn recon(self, energy: &Tensor, pixels: usize, log_sigma: Option<&Tensor>) -> Result<Tensor> {
        let d = pixels as f64;
        match self {
            Likelihood::Bernoulli
            | Likelihood::ContinuousBernoulli
            | Likelihood::SquaredError
            | Likelihood::LogMse { .. } => Ok(energy.clone()),
            Likelihood::Gaussian { sigma2 } => {
                energy.affine(1.0 / (2.0 * sigma2), 0.5 * d * (2.0 * std::f64::consts::PI * sigma2).ln())
            }
            Likelihood::GaussianLearned => {
                let Some(log_sigma) = log_sigma else { candle_core::bail!("gaussian-learned needs its log sigma") };
                let log_sigma = soft_clipped(log_sigma)?.reshape(energy.shape())?;
                // S / (2 sigma^2) + D log sigma + D/2 log(2 pi)
                let scaled = (energy * log_sigma.affine(-2.0, 0.0)?.exp()?)?.affine(0.5, 0.0)?;
                scaled + log_sigma.affine(d, 0.5 * d * (2.0 * std::f64::consts::PI).ln())?
            }
            // S / (2 MSE) = D/2 at the batch's own MSE = S/D, so only the logarithm depends on the model.
            Likelihood::GaussianOptimal => {
                energy.affine(2.0 * std::f64::consts::PI / d, 0.0)?.log()?.affine(0.5 * d, 0.5 * d)
            }
            Likelihood::Laplace { scale } => energy.affine(1.0 / scale, d * (2.0 * scale).ln()),
        }
    }

    /// What the objective weighs by a: R, or for `log-mse` the logarithm in place of S.
    pub fn objective_term(self, energy: &Tensor, pixels: usize, log_sigma: Option<&Tensor>) -> Result<Tensor> {
        match self {
            Likelihood::LogMse { scale } => {
                let factor = match scale {
                    LogMseScale::Bare => 1.0,
                    LogMseScale::HalfPixels => 0.5 * pixels as f64,
                };
                energy.affine(1.0 / pixels as f64, 0.0)?.log()? * factor
            }
            _ => self.recon(energy, pixels, log_sigma),
        }
    }

    /// d(objective term)/dR at an average energy: 1, but for `log-mse`, whose weight on S is 1/S times its scale.
    ///
    /// None where it depends on an energy that is not known.
    pub fn local_weight(self, pixels: usize, energy: Option<f64>) -> Option<f64> {
        match self {
            Likelihood::LogMse { scale: LogMseScale::Bare } => energy.map(|s| 1.0 / s),
            Likelihood::LogMse { scale: LogMseScale::HalfPixels } => energy.map(|s| 0.5 * pixels as f64 / s),
            _ => Some(1.0),
        }
    }

    /// beta * sigma^2 for an objective a * (this loss) + b * K with b/a = `ratio` (a local for `log-mse`), in the Gaussian
    /// family.
    ///
    /// With S = sum (x - x^)^2, a Gaussian NLL is S / (2 sigma^2) + const; so a*S + b*K is 2*a*sigma^2 times
    /// NLL + beta * K with beta * sigma^2 = b / (2a), whatever sigma is. None where sigma is not known.
    pub fn beta_sigma2(self, ratio: f64, pixels: usize, energy: Option<f64>, log_sigma: Option<f64>) -> Option<f64> {
        let sigma2 = match self {
            Likelihood::Bernoulli | Likelihood::ContinuousBernoulli | Likelihood::Laplace { .. } => return None,
            Likelihood::SquaredError | Likelihood::LogMse { .. } => 0.5,
            Likelihood::Gaussian { sigma2 } => sigma2,
            Likelihood::GaussianLearned => (2.0 * soft_clip(log_sigma?)).exp(),
            Likelihood::GaussianOptimal => energy? / pixels as f64,
        };
        Some(ratio * sigma2)
    }
}

/// floor + softplus(x - floor): smooth, never below the floor, x itself far above it.
fn soft_clipped(log_sigma: &Tensor) -> Result<Tensor> {
    let above = log_sigma.affine(1.0, -LOG_SIGMA_FLOOR)?;
    let softplus = (above.relu()? + above.abs()?.neg()?.exp()?.affine(1.0, 1.0)?.log()?)?;
    softplus.affine(1.0, LOG_SIGMA_FLOOR)
}

/// The same on one number.
fn soft_clip(log_sigma: f64) -> f64 {
    let above = log_sigma - LOG_SIGMA_FLOOR;
    LOG_SIGMA_FLOOR + above.max(0.0) + (-above.abs()).exp().ln_1p()
}
