//! Every reconstruction loss: which sum over the pixels of an image it takes, what it makes of that sum, and what it measures.
//!
//! A loss is a function of one average, the *energy* of an image: its summed cross-entropy, squared or absolute error. For
//! most losses the function is affine and adds scale and constants; where sigma is fitted to the batch it is a logarithm.
//! Engines compute the energy alone. A new loss is a variant of [`ReconLoss`], its row in `ReconLoss::definition`, and,
//! where its sum over pixels is new, a variant of [`PixelLoss`].

use std::f64::consts::PI;

use candle_core::{Result, Tensor, bail};
use clap::ValueEnum;
use kernels::likelihood;
use serde::{Deserialize, Serialize};
use strum::EnumDiscriminants;

use super::arithmetic::Arithmetic;
use super::discretized::Bins;
use super::output::{OutputMap, logit};
use super::pixel_loss::{DecoderOutput, PixelLoss};
use super::weight::Weight;
use crate::data::PixelStats;
use crate::pass::DecoderLoss;

/// What log(MSE) is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogMseScale {
    /// nothing, as proposed in benchmark_VAE issue 124
    Bare,
    /// D/2, which makes it the Gaussian NLL at the best sigma2, up to a constant
    HalfPixels,
}

/// A reconstruction loss with its parameters; [`Loss`] is its name as typed.
#[derive(Clone, Copy, Debug, PartialEq, EnumDiscriminants)]
#[strum_discriminants(
    name(Loss),
    derive(Serialize, Deserialize, ValueEnum),
    serde(rename_all = "kebab-case"),
    doc = "The name of a reconstruction loss, as typed."
)]
pub enum ReconLoss {
    /// Bernoulli on logits.
    #[strum_discriminants(doc = "Bernoulli NLL of the logits l: sum_i max(l,0) - l*x + log(1 + exp(-|l|)); no \
                                 likelihood of grey pixels")]
    Bce,
    /// Squared error, no half, no constants: not a likelihood.
    #[strum_discriminants(doc = "squared error S = sum_i (x - x^)^2, without 1/2: a Gaussian likelihood only up to a \
                                 scale")]
    Mse,
    /// Gaussian of fixed variance, all constants included.
    #[strum_discriminants(doc = "Gaussian NLL with its constants: S/(2*sigma2) + D/2*log(2*pi*sigma2), --sigma2 fixed")]
    Gaussian {
        /// The variance sigma^2 of a pixel.
        sigma2: f64,
    },
    /// Gaussian with one learned log sigma (Rybkin et al. 2021, "Simple and effective VAE training with calibrated decoders").
    #[strum_discriminants(doc = "the same with one learned log sigma, softclipped at -6 (sigma-VAE)")]
    GaussianLearned,
    /// Gaussian at the variance that minimises the NLL of the images at hand, their MSE (same paper, section 3.2).
    #[strum_discriminants(doc = "the same at the best sigma2, the batch's MSE: D/2*(log(2*pi*MSE) + 1) (optimal \
                                 sigma-VAE)")]
    GaussianOptimal,
    /// log(MSE) times a scale: not a likelihood.
    #[strum_discriminants(doc = "log(MSE), bare or times D/2 (--log-mse-scale); no likelihood")]
    LogMse {
        /// The factor on the logarithm.
        scale: LogMseScale,
    },
    /// Laplace of fixed scale, all constants included.
    #[strum_discriminants(doc = "Laplace NLL with its constants: sum_i |x - x^|/scale + D*log(2*scale), \
                                 --laplace-scale fixed")]
    Laplace {
        /// The scale b of a pixel: density exp(-|x - x^|/b) / (2b).
        scale: f64,
    },
    /// Loaiza-Ganem & Cunningham 2019, "The continuous Bernoulli", on logits.
    #[strum_discriminants(doc = "continuous Bernoulli NLL of the logits: bce - sum_i log C(l), a density on [0,1]")]
    ContinuousBernoulli,
    /// Logistic of fixed scale, integrated over the bin of each grey level (Kingma et al. 2016; Salimans et al. 2017).
    #[strum_discriminants(
        doc = "NLL of 256 grey levels: a logistic of --discretized-scale integrated over their bins; \
                                 a likelihood of grey pixels, never below 0"
    )]
    DiscretizedLogistic {
        /// The scale s of a pixel in [0, 1].
        scale: f64,
    },
    /// Gaussian of fixed sigma, integrated likewise.
    #[strum_discriminants(doc = "the same with a Gaussian, whose sigma is --discretized-scale")]
    DiscretizedGaussian {
        /// The standard deviation sigma of a pixel in [0, 1].
        scale: f64,
    },
}

/// What the numbers of a loss measure: two runs are comparable in R only where this is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Negative log-probability (of binary pixels; a cross-entropy of grey ones).
    Mass,
    /// Negative log-density, all constants included; can be negative.
    Density,
    /// Squared error, no likelihood.
    SquaredError,
    /// Negative log-probability of 256 grey levels.
    GreyMass,
}

impl Measure {
    /// Whether the reconstruction is in nats, so that R + K is a bound.
    pub fn is_likelihood(self) -> bool {
        match self {
            Measure::Mass | Measure::Density | Measure::GreyMass => true,
            Measure::SquaredError => false,
        }
    }

    /// Whether R + K bounds the NLL of 256 grey levels, which is stated in bits per dimension too.
    pub fn is_of_grey_levels(self) -> bool {
        match self {
            Measure::GreyMass => true,
            Measure::Mass | Measure::Density | Measure::SquaredError => false,
        }
    }

    /// The symbol of the reconstruction: R for a likelihood, S for a squared error.
    pub fn symbol(self) -> &'static str {
        if self.is_likelihood() { "R" } else { "S" }
    }
}

/// The sigma^2 for which a loss is a Gaussian NLL with the same weight on S, up to constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SigmaSquared {
    /// There is none: the loss is not of the Gaussian family.
    NotGaussian,
    /// This number; 1/2 for S itself, since S = S / (2 * 1/2).
    Fixed(f64),
    /// exp(2 log sigma) of the learned log sigma.
    Learned,
    /// The mean squared error of the images at hand.
    MeanSquaredError,
    /// 1/2 at a local weight of this many times 1/S: the loss is that many times log S.
    OfLogarithm(f64),
}

/// A function of the energy E of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
enum OfEnergy {
    /// E.
    Itself,
    /// factor * E + shift
    Affine { factor: f64, shift: f64 },
    /// factor * ln(inner * E) + shift
    Log { inner: f64, factor: f64, shift: f64 },
    /// E / (2 sigma^2) + D log sigma + D/2 log(2 pi), log sigma learned.
    LearnedSigma { pixels: f64 },
}

/// A loss taken apart.
struct Definition {
    pixel: PixelLoss,
    measure: Measure,
    /// R, or S, as a function of the energy.
    recon: OfEnergy,
    /// What the objective weights in place of R, where that is something else.
    weighted: Option<OfEnergy>,
    sigma2: SigmaSquared,
    /// As it is written in a formula.
    formula: String,
}

/// The parameters that losses may take, each from the setting of its name.
#[derive(Clone, Copy, Debug)]
pub struct LossParameters {
    /// sigma^2 of `gaussian`.
    pub sigma2: f64,
    /// b of `laplace`.
    pub laplace_scale: f64,
    /// The factor of `log-mse`.
    pub log_mse_scale: LogMseScale,
    /// The scale of `discretized-logistic` and `discretized-gaussian`.
    pub discretized_scale: f64,
}

/// Lower bound of a learned log sigma, reached smoothly.
const LOG_SIGMA_FLOOR: f64 = -6.0;

impl Loss {
    /// The loss of this name with its own among `parameters`.
    pub fn with(self, parameters: &LossParameters) -> ReconLoss {
        match self {
            Loss::Bce => ReconLoss::Bce,
            Loss::Mse => ReconLoss::Mse,
            Loss::Gaussian => ReconLoss::Gaussian { sigma2: parameters.sigma2 },
            Loss::GaussianLearned => ReconLoss::GaussianLearned,
            Loss::GaussianOptimal => ReconLoss::GaussianOptimal,
            Loss::LogMse => ReconLoss::LogMse { scale: parameters.log_mse_scale },
            Loss::Laplace => ReconLoss::Laplace { scale: parameters.laplace_scale },
            Loss::ContinuousBernoulli => ReconLoss::ContinuousBernoulli,
            Loss::DiscretizedLogistic => ReconLoss::DiscretizedLogistic { scale: parameters.discretized_scale },
            Loss::DiscretizedGaussian => ReconLoss::DiscretizedGaussian { scale: parameters.discretized_scale },
        }
    }

    /// What the loss measures and what it takes from the decoder depend on no parameter: any will do.
    fn any(self) -> ReconLoss {
        let log_mse_scale = LogMseScale::Bare;
        self.with(&LossParameters { sigma2: 1.0, laplace_scale: 1.0, log_mse_scale, discretized_scale: 1.0 })
    }

    /// What R measures under this loss.
    pub fn measure(self) -> Measure {
        self.any().measure()
    }

    /// Whether the objective weights R, or S, itself, and not a function of it.
    pub fn is_weighted_directly(self) -> bool {
        self.any().is_weighted_directly()
    }

    /// What the decoder's last layer is to this loss.
    pub fn decoder_output(self) -> DecoderOutput {
        self.any().pixel_loss().decoder_output()
    }
}

impl ReconLoss {
    /// The row of this loss for images of `pixels` pixels. PyTorch, per pixel: `F.binary_cross_entropy_with_logits`,
    /// `F.mse_loss`, `F.gaussian_nll_loss(full=True)`, `-Laplace.log_prob`, `-ContinuousBernoulli.log_prob`.
    fn definition(self, pixels: usize) -> Definition {
        use OfEnergy::{Affine, Itself, LearnedSigma, Log};
        let d = pixels as f64;
        let row = |pixel, measure, recon, weighted, sigma2, formula: &str| Definition {
            pixel,
            measure,
            recon,
            weighted,
            sigma2,
            formula: formula.to_owned(),
        };
        let (mass, density, error) = (Measure::Mass, Measure::Density, Measure::SquaredError);
        let (squared, not_gaussian) = (PixelLoss::Squared, SigmaSquared::NotGaussian);
        match self {
            ReconLoss::Bce => row(PixelLoss::Bernoulli, mass, Itself, None, not_gaussian, "bce"),
            ReconLoss::Mse => row(squared, error, Itself, None, SigmaSquared::Fixed(0.5), "(x - x^)^2"),
            ReconLoss::Gaussian { sigma2 } => {
                let recon = Affine { factor: 1.0 / (2.0 * sigma2), shift: 0.5 * d * (2.0 * PI * sigma2).ln() };
                let formula = format!("gaussian-nll(sigma2 = {sigma2})");
                row(squared, density, recon, None, SigmaSquared::Fixed(sigma2), &formula)
            }
            ReconLoss::GaussianLearned => {
                let recon = LearnedSigma { pixels: d };
                row(squared, density, recon, None, SigmaSquared::Learned, "gaussian-nll(sigma learned)")
            }
            ReconLoss::GaussianOptimal => {
                // S / (2 MSE) = D/2 at the batch's own MSE = S/D, so only the logarithm depends on the model.
                let recon = Log { inner: 2.0 * PI / d, factor: 0.5 * d, shift: 0.5 * d };
                row(squared, density, recon, None, SigmaSquared::MeanSquaredError, "gaussian-nll(sigma2 = MSE)")
            }
            ReconLoss::LogMse { scale } => {
                let (factor, formula) = match scale {
                    LogMseScale::Bare => (1.0, "log(MSE)"),
                    LogMseScale::HalfPixels => (0.5 * d, "D/2 * log(MSE)"),
                };
                let weighted = Some(Log { inner: 1.0 / d, factor, shift: 0.0 });
                row(squared, error, Itself, weighted, SigmaSquared::OfLogarithm(factor), formula)
            }
            ReconLoss::Laplace { scale } => {
                let recon = Affine { factor: 1.0 / scale, shift: d * (2.0 * scale).ln() };
                let formula = format!("laplace-nll(scale = {scale})");
                row(PixelLoss::Absolute, density, recon, None, not_gaussian, &formula)
            }
            ReconLoss::ContinuousBernoulli => {
                let pixel = PixelLoss::ContinuousBernoulli;
                row(pixel, density, Itself, None, not_gaussian, "continuous-bernoulli-nll")
            }
            ReconLoss::DiscretizedLogistic { scale } => {
                let (pixel, formula) = (
                    PixelLoss::Discretized(Bins::Logistic, scale),
                    format!("discretized-logistic-nll(scale = {scale})"),
                );
                row(pixel, Measure::GreyMass, Itself, None, not_gaussian, &formula)
            }
            ReconLoss::DiscretizedGaussian { scale } => {
                let (pixel, formula) = (
                    PixelLoss::Discretized(Bins::Gaussian, scale),
                    format!("discretized-gaussian-nll(sigma = {scale})"),
                );
                row(pixel, Measure::GreyMass, Itself, None, not_gaussian, &formula)
            }
        }
    }

    /// The name of the loss, without its parameters.
    pub fn name(self) -> Loss {
        self.into()
    }

    /// What is summed over the pixels of an image.
    pub fn pixel_loss(self) -> PixelLoss {
        self.definition(1).pixel
    }

    /// What R measures.
    pub fn measure(self) -> Measure {
        self.definition(1).measure
    }

    /// Whether R is in nats, so that R + K is a bound.
    pub fn is_likelihood(self) -> bool {
        self.measure().is_likelihood()
    }

    /// Whether the loss is -log p(x|z) of each image by itself: not where its sigma depends on the images of the batch.
    pub fn weighs_each_image(self) -> bool {
        match self.definition(1).sigma2 {
            SigmaSquared::MeanSquaredError | SigmaSquared::OfLogarithm(_) => false,
            SigmaSquared::NotGaussian | SigmaSquared::Fixed(_) | SigmaSquared::Learned => self.is_likelihood(),
        }
    }

    /// The sigma^2 that the loss fixes, where it is of the Gaussian family.
    pub fn sigma2(self, pixels: usize) -> SigmaSquared {
        self.definition(pixels).sigma2
    }

    /// Whether a log sigma is learned with the weights.
    pub fn learns_sigma(self) -> bool {
        self.sigma2(1) == SigmaSquared::Learned
    }

    /// Whether the loss is defined on pixels in [0, 1] alone.
    pub fn takes_unit_pixels_alone(self) -> bool {
        match self.pixel_loss() {
            PixelLoss::Bernoulli | PixelLoss::ContinuousBernoulli | PixelLoss::Discretized(_, _) => true,
            PixelLoss::Squared | PixelLoss::Absolute => false,
        }
    }

    /// The loss as it is written in a formula.
    pub fn formula(self) -> String {
        self.definition(1).formula
    }

    /// Whether the objective weights R, or S, itself, and not a function of it.
    pub fn is_weighted_directly(self) -> bool {
        self.definition(1).weighted.is_none()
    }

    /// R (or S) of images of `pixels` pixels whose average energy is `energy`; `log_sigma` is the learned parameter, where
    /// there is one. Gradients flow through both.
    ///
    /// # Errors
    /// Where a log sigma is needed and missing, or a tensor cannot be made.
    pub fn recon<T: Arithmetic>(self, energy: &T, pixels: usize, log_sigma: Option<&T>) -> Result<T> {
        self.definition(pixels).recon.at(energy, log_sigma)
    }

    /// What the objective weights by a: R, or for `log-mse` the logarithm in place of S.
    ///
    /// # Errors
    /// As [`ReconLoss::recon`].
    pub fn weighted<T: Arithmetic>(self, energy: &T, pixels: usize, log_sigma: Option<&T>) -> Result<T> {
        let definition = self.definition(pixels);
        definition.weighted.unwrap_or(definition.recon).at(energy, log_sigma)
    }

    /// beta * sigma^2 of an objective a * (this loss) + b * K with b/a = `ratio`, in the Gaussian family, at this average
    /// `energy` and this learned `log_sigma`.
    ///
    /// With S = sum (x - x^)^2, a Gaussian NLL is S / (2 sigma^2) + const; so a*S + b*K is 2*a*sigma^2 times
    /// NLL + beta * K with beta * sigma^2 = b / (2a), whatever sigma is. None where sigma is not known.
    pub fn beta_sigma2(self, ratio: f64, pixels: usize, energy: Option<f64>, log_sigma: Option<f64>) -> Option<f64> {
        match self.sigma2(pixels) {
            SigmaSquared::NotGaussian => None,
            SigmaSquared::Fixed(sigma2) => Some(ratio * sigma2),
            SigmaSquared::Learned => Some(ratio * (2.0 * soft_clipped(&log_sigma?).ok()?).exp()),
            SigmaSquared::MeanSquaredError => Some(ratio * (energy? / pixels as f64)),
            // The weight on S is a * factor / S.
            SigmaSquared::OfLogarithm(factor) => Some(ratio / (factor / energy?) * 0.5),
        }
    }
}

impl OfEnergy {
    fn at<T: Arithmetic>(self, energy: &T, log_sigma: Option<&T>) -> Result<T> {
        match self {
            OfEnergy::Itself => Ok(energy.clone()),
            OfEnergy::Affine { factor, shift } => energy.affine(factor, shift),
            OfEnergy::Log { inner, factor, shift } => energy.affine(inner, 0.0)?.ln()?.affine(factor, shift),
            OfEnergy::LearnedSigma { pixels } => {
                let Some(log_sigma) = log_sigma else { bail!("a loss that learns its sigma needs its log sigma") };
                let log_sigma = soft_clipped(log_sigma)?.shaped_like(energy)?;
                let scaled = energy.times(&log_sigma.affine(-2.0, 0.0)?.exp()?)?.affine(0.5, 0.0)?;
                scaled.plus(&log_sigma.affine(pixels, 0.5 * pixels * (2.0 * PI).ln())?)
            }
        }
    }
}

/// floor + softplus(x - floor): smooth, never below the floor, x itself far above it.
fn soft_clipped<T: Arithmetic>(log_sigma: &T) -> Result<T> {
    let above = log_sigma.affine(1.0, -LOG_SIGMA_FLOOR)?;
    let rest = above.abs()?.affine(-1.0, 0.0)?.exp()?.affine(1.0, 1.0)?.ln()?;
    above.positive_part()?.plus(&rest)?.affine(1.0, LOG_SIGMA_FLOOR)
}

/// The reconstruction in an objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReconTerm {
    /// The loss.
    pub loss: ReconLoss,
    /// How the decoder's last layer becomes a mean; logits are taken as they are.
    pub output: OutputMap,
    /// a, by reduction and factor.
    pub weight: Weight,
}

impl ReconTerm {
    /// D, the pixels of an image.
    pub fn pixels(&self) -> usize {
        self.weight.elements
    }

    /// R (or S) of images with this average energy.
    ///
    /// # Errors
    /// As [`ReconLoss::recon`].
    pub fn recon<T: Arithmetic>(&self, energy: &T, log_sigma: Option<&T>) -> Result<T> {
        self.loss.recon(energy, self.pixels(), log_sigma)
    }

    /// The last layer's value that stands for a pixel of this mean: where the output begins at the average image.
    pub fn output_for_mean(&self, mean: f64) -> f64 {
        match self.loss.pixel_loss().decoder_output() {
            DecoderOutput::Logits => logit(mean),
            DecoderOutput::Means => self.output.inverse(mean),
        }
    }

    /// Where a collapsed model ends: R on the `test` images of the constant output that is best on the `train` images.
    /// None where there is no best (a continuous Bernoulli of a pixel that is always black).
    ///
    /// # Errors
    /// As [`ReconLoss::recon`].
    pub fn collapsed_floor(&self, train: &PixelStats, test: &PixelStats) -> Result<Option<f64>> {
        // A collapsed model that learns its sigma learns the best one.
        let loss = match self.loss.sigma2(1) {
            SigmaSquared::Learned => ReconLoss::GaussianOptimal,
            SigmaSquared::NotGaussian
            | SigmaSquared::Fixed(_)
            | SigmaSquared::MeanSquaredError
            | SigmaSquared::OfLogarithm(_) => self.loss,
        };
        let energy = loss.pixel_loss().of_best_constant(train, test);
        energy.map(|energy| loss.recon(&energy, self.pixels(), None)).transpose()
    }

    /// The least R of any model on images with these statistics, where the pixels set one: the entropy of greys that are
    /// taken for probabilities, which is 0 for pixels that are 0 or 1.
    pub fn entropy_floor(&self, test: &PixelStats) -> Option<f64> {
        match self.loss.pixel_loss() {
            PixelLoss::Bernoulli => Some(test.grey_entropy()),
            // A mass of what is really there can be 1.
            PixelLoss::Discretized(_, _) => Some(0.0),
            PixelLoss::ContinuousBernoulli | PixelLoss::Squared | PixelLoss::Absolute => None,
        }
    }
}

impl DecoderLoss for ReconTerm {
    fn kernel(&self) -> Option<likelihood::Loss> {
        self.loss.pixel_loss().kernel(self.output)
    }

    fn per_image(&self, output: &Tensor, x: &Tensor) -> Result<Tensor> {
        self.loss.pixel_loss().per_image(output, x, self.output)
    }
}
