//! The sums over the pixels of an image that losses are functions of, on tensors.

use candle_core::{D, Result, Tensor};
use kernels::likelihood;

use super::discretized::Bins;
use super::output::OutputMap;
use crate::data::PixelStats;

/// The sum over the pixels of an image that a loss is a function of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PixelLoss {
    /// Bernoulli cross-entropy of logits.
    Bernoulli,
    /// Negative log-density of the continuous Bernoulli with these logits.
    ContinuousBernoulli,
    /// (x - x^)^2.
    Squared,
    /// |x - x^|.
    Absolute,
    /// -log of the mass of a grey level, under a distribution of this scale around the mean.
    Discretized(Bins, f64),
}

/// What the decoder's last layer is to a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecoderOutput {
    /// Logits; they are taken as they are.
    Logits,
    /// Means, once [`OutputMap`] was applied.
    Means,
}

impl PixelLoss {
    /// What the decoder's last layer is to this loss.
    pub fn decoder_output(self) -> DecoderOutput {
        match self {
            PixelLoss::Bernoulli | PixelLoss::ContinuousBernoulli => DecoderOutput::Logits,
            PixelLoss::Squared | PixelLoss::Absolute | PixelLoss::Discretized(_, _) => DecoderOutput::Means,
        }
    }

    /// The mean of every pixel, `[batch, pixels]`, from the decoder's last layer.
    ///
    /// # Errors
    /// Where a tensor cannot be made.
    pub fn means(self, output: &Tensor, map: OutputMap) -> Result<Tensor> {
        match self.decoder_output() {
            DecoderOutput::Logits => OutputMap::Sigmoid.mean(output),
            DecoderOutput::Means => map.mean(output),
        }
    }

    /// The kernel that computes it of a last layer that goes through `map`, where there is one.
    pub fn kernel(self, map: OutputMap) -> Option<likelihood::Loss> {
        match (self, map) {
            (PixelLoss::Bernoulli, _) => Some(likelihood::Loss::BernoulliLogits),
            (PixelLoss::Squared, OutputMap::Identity) => Some(likelihood::Loss::Squared),
            (PixelLoss::Squared, OutputMap::Sigmoid | OutputMap::Tanh)
            | (PixelLoss::ContinuousBernoulli | PixelLoss::Absolute | PixelLoss::Discretized(_, _), _) => None,
        }
    }

    /// The energy of every image, `[batch]`, from the decoder's last layer and the pixels `x`, both `[batch, pixels]`.
    ///
    /// # Errors
    /// Where shapes differ.
    pub fn per_image(self, output: &Tensor, x: &Tensor, map: OutputMap) -> Result<Tensor> {
        match self {
            PixelLoss::Bernoulli => bernoulli(output, x)?.sum(D::Minus1),
            PixelLoss::ContinuousBernoulli => continuous_bernoulli(output, x)?.sum(D::Minus1),
            PixelLoss::Squared => (map.mean(output)? - x)?.sqr()?.sum(D::Minus1),
            PixelLoss::Absolute => (map.mean(output)? - x)?.abs()?.sum(D::Minus1),
            PixelLoss::Discretized(bins, scale) => bins.per_image(output, x, map, scale),
        }
    }

    /// The energy of the `test` images under the constant output that is best on the `train` images, where there is one.
    pub(super) fn of_best_constant(self, train: &PixelStats, test: &PixelStats) -> Option<f64> {
        match self {
            PixelLoss::Bernoulli => Some(test.cross_entropy_of(&train.means())),
            PixelLoss::Squared => Some(test.squared_error_of(&train.means())),
            PixelLoss::Absolute => Some(test.absolute_error_of(&train.medians())),
            PixelLoss::ContinuousBernoulli => None,
            PixelLoss::Discretized(bins, scale) => {
                let nll = |x: f64, mean: f64| bins.nll(x, mean, scale).0;
                Some(test.loss_of(&train.best_constants(nll), nll))
            }
        }
    }
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
