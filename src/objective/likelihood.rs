//! The reconstruction term of one image, R = -log p(x|z), or S where the loss is no likelihood.

use candle_core::{D, Result, Tensor};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The name of a reconstruction loss, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Bernoulli negative log-likelihood of the logits l: sum_i max(l,0) - l*x + log(1 + exp(-|l|))
    Bce,
    /// squared error S = sum_i (x - x^)^2, without 1/2: a Gaussian likelihood only up to a scale
    Mse,
    /// Gaussian negative log-likelihood with its constants: S/(2*sigma2) + D/2*log(2*pi*sigma2)
    Gaussian,
}

/// A reconstruction loss with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Likelihood {
    /// Bernoulli on logits.
    Bernoulli,
    /// Squared error, no half, no constants: not a likelihood.
    SquaredError,
    /// Gaussian of fixed variance, all constants included.
    Gaussian {
        /// The variance sigma^2 of a pixel.
        sigma2: f64,
    },
}

impl Likelihood {
    /// The name of the loss, without its parameters.
    pub fn loss(self) -> Loss {
        match self {
            Likelihood::Bernoulli => Loss::Bce,
            Likelihood::SquaredError => Loss::Mse,
            Likelihood::Gaussian { .. } => Loss::Gaussian,
        }
    }

    /// R (or S) of every image, `[batch]`, from the decoder's `output` and the pixels `x`, both `[batch, pixels]`.
    ///
    /// `output` holds logits for the Bernoulli loss and means for the others. Gradients flow into `output`.
    pub fn recon(self, output: &Tensor, x: &Tensor) -> Result<Tensor> {
        match self {
            Likelihood::Bernoulli => bernoulli_nll(output, x),
            Likelihood::SquaredError => squared_error(output, x),
            Likelihood::Gaussian { sigma2 } => {
                squared_error(output, x)?.affine(1.0 / (2.0 * sigma2), gaussian_constant(sigma2, x.dim(D::Minus1)?))
            }
        }
    }

    /// For an objective a * (this loss) + b * K: the effective beta, where the loss is a likelihood.
    pub fn beta_effective(self, recon_weight: f64, kl_weight: f64) -> Option<f64> {
        match self {
            Likelihood::Bernoulli | Likelihood::Gaussian { .. } => Some(kl_weight / recon_weight),
            Likelihood::SquaredError => None,
        }
    }

    /// For an objective a * (this loss) + b * K: beta * sigma^2, in the Gaussian family.
    ///
    /// With S = sum (x - x^)^2, a Gaussian NLL is S / (2 sigma^2) + const; so a*S + b*K is 2*a*sigma^2 times
    /// NLL + beta * K with beta * sigma^2 = b / (2a), whatever sigma is.
    pub fn beta_sigma2(self, recon_weight: f64, kl_weight: f64) -> Option<f64> {
        match self {
            Likelihood::Bernoulli => None,
            Likelihood::SquaredError => Some(kl_weight / (2.0 * recon_weight)),
            Likelihood::Gaussian { sigma2 } => Some(kl_weight / recon_weight * sigma2),
        }
    }

    /// The least that a decoder which ignores z can reach, R averaged over images, for pixels with these means and
    /// variances (each of length D): where a collapsed model ends.
    pub fn collapsed_floor(self, pixel_means: &[f64], pixel_variances: &[f64]) -> f64 {
        let squared: f64 = pixel_variances.iter().sum();
        match self {
            // The cross-entropy is linear in x, so its mean over images is the entropy of the mean.
            Likelihood::Bernoulli => pixel_means.iter().map(|&p| binary_entropy(p)).sum(),
            Likelihood::SquaredError => squared,
            Likelihood::Gaussian { sigma2 } => squared / (2.0 * sigma2) + gaussian_constant(sigma2, pixel_means.len()),
        }
    }
}

/// Stable Bernoulli NLL of each image: sum over pixels of max(l, 0) - l*x + log1p(exp(-|l|)).
///
/// The same as `F.binary_cross_entropy_with_logits(l, x, reduction='none').sum(-1)` in PyTorch.
fn bernoulli_nll(logits: &Tensor, x: &Tensor) -> Result<Tensor> {
    let magnitude = logits.abs()?;
    // max(l, 0) = (l + |l|)/2; written so, the derivative at 0 is right whatever |.|' is taken to be there.
    let positive_part = ((logits * 0.5)? + (&magnitude * 0.5)?)?;
    let per_pixel = ((positive_part - (logits * x)?)? + log1p(&magnitude.neg()?.exp()?)?)?;
    per_pixel.sum(D::Minus1)
}

/// log(1 + e) for e in [0, 1] that keeps its relative precision where 1 + e rounds: by its series below 0.01.
fn log1p(e: &Tensor) -> Result<Tensor> {
    // e - e^2/2 + e^3/3 - e^4/4: the first term left out is e^5/5, 2e-9 of the value at e = 0.01.
    let series = e.affine(-0.25, 1.0 / 3.0)?.mul(e)?.affine(1.0, -0.5)?.mul(e)?.affine(1.0, 1.0)?.mul(e)?;
    e.lt(0.01)?.where_cond(&series, &e.affine(1.0, 1.0)?.log()?)
}

/// S of each image: sum over pixels of (x - x^)^2. As `F.mse_loss(x_hat, x, reduction='none').sum(-1)`.
fn squared_error(mean: &Tensor, x: &Tensor) -> Result<Tensor> {
    (mean - x)?.sqr()?.sum(D::Minus1)
}

/// D/2 * log(2*pi*sigma^2), the constant of a Gaussian NLL over `pixels` pixels.
fn gaussian_constant(sigma2: f64, pixels: usize) -> f64 {
    0.5 * pixels as f64 * (2.0 * std::f64::consts::PI * sigma2).ln()
}

/// -p log p - (1-p) log(1-p) in nats.
pub fn binary_entropy(p: f64) -> f64 {
    let term = |q: f64| if q > 0.0 { -q * q.ln() } else { 0.0 };
    term(p) + term(1.0 - p)
}
