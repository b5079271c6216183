//! What a loss sums over the pixels of an image, from the decoder's output: the only part of a loss that touches pixels.

use candle_core::{D, Result, Tensor};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use kernels::likelihood;

/// The sum over the pixels of an image that a loss is a function of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Energy {
    /// Bernoulli cross-entropy of logits.
    Bernoulli,
    /// Negative log-density of the continuous Bernoulli with these logits.
    ContinuousBernoulli,
    /// (x - x^)^2.
    Squared,
    /// |x - x^|.
    Absolute,
}

/// How the decoder's last layer becomes the mean of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OutputMap {
    /// the mean itself
    Identity,
    /// 1/(1 + exp(-l)), into [0,1]
    Sigmoid,
    /// tanh(l), into [-1,1]
    Tanh,
}

impl Energy {
    /// Whether the decoder gives logits, not means.
    pub fn takes_logits(self) -> bool {
        matches!(self, Energy::Bernoulli | Energy::ContinuousBernoulli)
    }

    /// The kernel that computes it, where there is one.
    pub(super) fn kernel(self, map: OutputMap) -> Option<likelihood::Loss> {
        match (self, map) {
            (Energy::Bernoulli, _) => Some(likelihood::Loss::BernoulliLogits),
            (Energy::Squared, OutputMap::Identity) => Some(likelihood::Loss::Squared),
            _ => None,
        }
    }

    /// The energy of every image, `[batch]`, from the decoder's last layer and the pixels `x`, both `[batch, pixels]`.
    ///
    /// `map` turns the last layer into means; logits are taken as they are.
    pub fn per_image(self, output: &Tensor, x: &Tensor, map: OutputMap) -> Result<Tensor> {
        match self {
            Energy::Bernoulli => bernoulli(output, x)?.sum(D::Minus1),
            Energy::ContinuousBernoulli => continuous_bernoulli(output, x)?.sum(D::Minus1),
            Energy::Squared => (map.mean(output)? - x)?.sqr()?.sum(D::Minus1),
            Energy::Absolute => (map.mean(output)? - x)?.abs()?.sum(D::Minus1),
        }
    }
}

impl OutputMap {
    /// Means from the decoder's last layer.
    pub fn mean(self, output: &Tensor) -> Result<Tensor> {
        match self {
            OutputMap::Identity => Ok(output.clone()),
            // (1 + tanh(l/2)) / 2, which neither overflows nor divides.
            OutputMap::Sigmoid => (output * 0.5)?.tanh()?.affine(0.5, 0.5),
            OutputMap::Tanh => output.tanh(),
        }
    }

    /// The last layer that gives this mean; means at the ends are held a thousandth away from them.
    pub fn inverse(self, mean: f64) -> f64 {
        match self {
            OutputMap::Identity => mean,
            OutputMap::Sigmoid => logit(mean),
            OutputMap::Tanh => mean.clamp(-0.999, 0.999).atanh(),
        }
    }
}

/// log(p / (1-p)), p held a thousandth away from 0 and 1 (a logit of +-6.9).
pub fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-3, 1.0 - 1e-3);
    (p / (1.0 - p)).ln()
}

/// Stable Bernoulli NLL of every pixel: max(l, 0) - l*x + log1p(exp(-|l|)).
///
/// The same as `F.binary_cross_entropy_with_logits(l, x, reduction='none')` in PyTorch.
fn bernoulli(logits: &Tensor, x: &Tensor) -> Result<Tensor> {
    let magnitude = logits.abs()?;
    // max(l, 0) = (l + |l|)/2; written so, the derivative at 0 is right whatever |.|' is taken to be there.
    let positive_part = ((logits * 0.5)? + (&magnitude * 0.5)?)?;
    (positive_part - (logits * x)?)? + log1p(&magnitude.neg()?.exp()?)?
}

/// log(1 + e) for e in [0, 1] that keeps its relative precision where 1 + e rounds: by its series below 0.01.
fn log1p(e: &Tensor) -> Result<Tensor> {
    // e - e^2/2 + e^3/3 - e^4/4: the first term left out is e^5/5, 2e-9 of the value at e = 0.01.
    let series = e.affine(-0.25, 1.0 / 3.0)?.mul(e)?.affine(1.0, -0.5)?.mul(e)?.affine(1.0, 1.0)?.mul(e)?;
    e.lt(0.01)?.where_cond(&series, &e.affine(1.0, 1.0)?.log()?)
}

/// Negative log-density of the continuous Bernoulli (Loaiza-Ganem & Cunningham 2019, equation 3), written in logits:
/// bce - log(l / tanh(l/2)) = l*(1/2 - x) + log(sinh(l/2) / (l/2)), which is 0 at l = 0 without any cancellation.
fn continuous_bernoulli(logits: &Tensor, x: &Tensor) -> Result<Tensor> {
    let magnitude = logits.abs()?;
    let small = magnitude.lt(0.6)?;
    // With t = l/2: t^2/6 - t^4/180 + t^6/2835; below t = 0.3 the next term is under 2e-7 of the first.
    let t2 = (logits.sqr()? * 0.25)?;
    let series = t2.affine(1.0 / 2835.0, -1.0 / 180.0)?.mul(&t2)?.affine(1.0, 1.0 / 6.0)?.mul(&t2)?;
    let near = ((logits * x.affine(-1.0, 0.5)?)? + series)?;
    // Away from 0, where max(l, 0) - l*x is exact: max(l, 0) - l*x - log|l| + log(1 - exp(-|l|)). The branch that is not
    // taken must stay finite, or its gradient is NaN times 0.
    let safe = small.where_cond(&magnitude.ones_like()?, &magnitude)?;
    let positive_part = ((logits * 0.5)? + (&magnitude * 0.5)?)?;
    let rest = (safe.neg()?.exp()?.affine(-1.0, 1.0)?.log()? - safe.log()?)?;
    let away = ((positive_part - (logits * x)?)? + rest)?;
    small.where_cond(&near, &away)
}
