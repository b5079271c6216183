//! What is minimised: weights on the same two numbers, R and K, and the two ledgers that follow.
//!
//! `objective = a * R + b * K`, where R and K are canonical (per image, summed over pixels and latents, averaged over
//! images) and a and b are what a code base's "reduction" amounts to. The effective beta is b / a.

mod energy;
mod factor;
mod kl;
mod likelihood;
mod quotient;
mod reduction;
mod schedule;

use candle_core::{D, Device, Result, Tensor};

pub use energy::{Energy, OutputMap, logit};
pub use factor::{Factor, Sizes};
pub use kl::{Constraint, FreeBits, KlEstimator, log_ratio};
pub use likelihood::{Likelihood, LogMseScale, Loss, Measure};
pub use quotient::Quotient;
pub use reduction::Reduction;
pub use schedule::{Length, Rise, Shape, Time};

use crate::data::PixelStats;
use crate::model::{Pass, Vae, WayBack};

/// An objective as a weighting of R and K. Pure numbers and tensor mathematics; knows no file and no flag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// The reconstruction loss.
    pub likelihood: Likelihood,
    /// How the decoder's last layer becomes a mean.
    pub output: OutputMap,
    /// How the reconstruction is reduced.
    pub reduction: Reduction,
    /// The factor in front of the reconstruction.
    pub recon_factor: Quotient,
    /// How the KL is computed.
    pub kl_estimator: KlEstimator,
    /// What is done to the KL before it is weighed.
    pub constraint: Constraint,
    /// How the KL is reduced.
    pub kl_reduction: Reduction,
    /// The factor in front of the KL: beta (or gamma, for a capacity) times any other, before reduction.
    pub kl_factor: Quotient,
    /// How the factor on the KL rises; none: constant.
    pub warmup: Option<Rise>,
    /// D, the pixels of an image.
    pub pixels: usize,
    /// d, the latents.
    pub latent_dim: usize,
}

/// The factors on R and K for a batch of a given size at a given time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// a, on R (for `log-mse`, on the logarithm).
    pub recon: f64,
    /// b, on K.
    pub kl: f64,
    /// b / a, rounded once.
    pub ratio: f64,
}

/// What a pass gives the objective.
#[derive(Debug)]
pub struct ImageLosses {
    /// The energy of every image, `[batch]`.
    pub energy: Tensor,
    /// The closed-form KL of every latent of every image, `[batch, latent_dim]`, in nats.
    pub kl: Tensor,
    /// The sampled KL of every image, `[batch]`, where the objective uses it.
    pub sampled_kl: Option<Tensor>,
    /// The mean of every image's posterior, `[batch, latent_dim]`.
    pub posterior_mean: Tensor,
    /// How gradients get back to the parameters.
    pub way_back: WayBack,
}

/// Averages over a set of images, in f64: all that the ledgers need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Averages {
    /// The energy.
    pub energy: f64,
    /// K, in closed form.
    pub kl: f64,
    /// The KL that the objective weighs: K, or what estimator and constraint make of it.
    pub weighed_kl: f64,
}

/// Both ledgers for a set of images: averages, each image counted once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ledgers {
    /// a * R as the optimiser saw it.
    pub recon_term: f64,
    /// b * K as the optimiser saw it.
    pub kl_term: f64,
    /// R (or S).
    pub recon: f64,
    /// K.
    pub kl: f64,
}

impl Objective {
    /// -ELBO = R + K in nats, for images of `pixels` and a model of `latent_dim`: both factors 1, nothing else done to
    /// either term (Kingma & Welling 2014, equation 10).
    pub fn neg_elbo_of(likelihood: Likelihood, pixels: usize, latent_dim: usize) -> Self {
        Objective {
            likelihood,
            output: OutputMap::Identity,
            reduction: Reduction::Sum,
            recon_factor: 1.0.into(),
            kl_estimator: KlEstimator::Analytic,
            constraint: Constraint::None,
            kl_reduction: Reduction::Sum,
            kl_factor: 1.0.into(),
            warmup: None,
            pixels,
            latent_dim,
        }
    }

    /// The weights for a batch of `batch` images at `time`.
    pub fn weights(&self, batch: usize, time: Time) -> Weights {
        let warmth = self.warmup.map_or(1.0, |rise| rise.at(time));
        let recon = self.recon_factor * self.reduction.weight(self.pixels, batch);
        let kl = Quotient::from(warmth) * self.kl_factor * self.kl_reduction.weight(self.latent_dim, batch);
        Weights { recon: recon.value(), kl: kl.value(), ratio: (kl / recon).value() }
    }

    /// The losses of every image of a batch: a pass of `model` over the pixels `x`, `[batch, pixels]`, with `noise`,
    /// `[batch, latent_dim]`.
    pub fn losses(&self, model: &Vae, x: &Tensor, noise: &Tensor) -> Result<ImageLosses> {
        let energy = self.likelihood.energy();
        let fast = energy.kernel(self.output).map(|loss| model.forward_to_loss(x, noise, loss)).transpose()?.flatten();
        let (Pass { latents, way_back, .. }, energy) = match fast {
            Some(pass) => {
                let energy = pass.decoded.clone();
                (pass, energy)
            }
            None => {
                let pass = model.forward(x, noise)?;
                let energy = energy.per_image(&pass.decoded, x, self.output)?;
                (pass, energy)
            }
        };
        let sampled_kl = match self.kl_estimator {
            KlEstimator::Analytic => None,
            KlEstimator::MonteCarlo => Some(log_ratio(&latents.posterior, &latents.z)?),
        };
        Ok(ImageLosses { energy, kl: latents.kl, sampled_kl, posterior_mean: latents.posterior.mean, way_back })
    }

    /// The scalar to minimise over a batch at `time`.
    pub fn value(&self, losses: &ImageLosses, log_sigma: Option<&Tensor>, time: Time) -> Result<Tensor> {
        let Weights { recon, kl, .. } = self.weights(losses.energy.dim(0)?, time);
        let term = self.likelihood.objective_term(&losses.energy.mean_all()?, self.pixels, log_sigma)?;
        (term * recon)? + (self.capped(&self.constrained_kl(losses)?, time)? * kl)?
    }

    /// Whether the KL that is weighed is K itself, so that one number serves both ledgers to the last digit.
    pub fn weighs_plain_kl(&self) -> bool {
        self.kl_estimator == KlEstimator::Analytic && !matches!(self.constraint, Constraint::FreeBits(_))
    }

    /// The KL of a batch after free bits, a scalar averaged over images, before any capacity.
    pub fn constrained_kl(&self, losses: &ImageLosses) -> Result<Tensor> {
        match (self.constraint, &losses.sampled_kl) {
            (Constraint::FreeBits(free), None) => free.apply(&losses.kl),
            (Constraint::FreeBits(free), Some(sampled)) => free.apply(&sampled.unsqueeze(D::Minus1)?),
            (_, None) => losses.kl.sum(D::Minus1)?.mean_all(),
            (_, Some(sampled)) => sampled.mean_all(),
        }
    }

    /// |K - C| under a capacity, K itself otherwise.
    fn capped(&self, kl: &Tensor, time: Time) -> Result<Tensor> {
        match self.constraint {
            Constraint::Capacity { nats, rise } => kl.affine(1.0, -Constraint::capacity(nats, rise, time))?.abs(),
            Constraint::None | Constraint::FreeBits(_) => Ok(kl.clone()),
        }
    }

    /// Both ledgers of images with these averages, as a batch of `batch` images at `time` would have them.
    pub fn ledgers(&self, on: &Averages, log_sigma: Option<f64>, batch: usize, time: Time) -> Result<Ledgers> {
        let scalar = |value: f64| Tensor::new(value, &Device::Cpu);
        let log_sigma = log_sigma.map(scalar).transpose()?;
        let energy = scalar(on.energy)?;
        let weights = self.weights(batch, time);
        let term = self.likelihood.objective_term(&energy, self.pixels, log_sigma.as_ref())?.to_scalar::<f64>()?;
        let recon = self.likelihood.recon(&energy, self.pixels, log_sigma.as_ref())?.to_scalar::<f64>()?;
        let weighed = self.capped(&scalar(on.weighed_kl)?, time)?.to_scalar::<f64>()?;
        Ok(Ledgers { recon_term: weights.recon * term, kl_term: weights.kl * weighed, recon, kl: on.kl })
    }

    /// b / a for a batch of `batch` images at `time`, where the loss is a likelihood; none under a capacity, which pulls K
    /// both ways.
    pub fn beta_effective(&self, batch: usize, time: Time) -> Option<f64> {
        (self.likelihood.is_likelihood() && !self.has_capacity()).then(|| self.weights(batch, time).ratio)
    }

    /// beta * sigma^2 for a batch of `batch` images at `time`, in the Gaussian family; where sigma is fitted or learned,
    /// at this average energy and this log sigma.
    pub fn beta_sigma2(&self, batch: usize, time: Time, energy: Option<f64>, log_sigma: Option<f64>) -> Option<f64> {
        if self.has_capacity() {
            return None;
        }
        let local = self.likelihood.local_weight(self.pixels, energy)?;
        self.likelihood.beta_sigma2(self.weights(batch, time).ratio / local, self.pixels, energy, log_sigma)
    }

    fn has_capacity(&self) -> bool {
        matches!(self.constraint, Constraint::Capacity { .. })
    }

    /// R + K in nats, where the loss is a likelihood.
    pub fn neg_elbo(&self, recon: f64, kl: f64) -> Option<f64> {
        self.likelihood.is_likelihood().then_some(recon + kl)
    }

    /// Where a collapsed model ends: R on the `test` images of the constant output that is best on the `train` images.
    /// None where there is no best (a continuous Bernoulli of a pixel that is always black).
    ///
    /// # Errors
    /// Only where a tensor cannot be made.
    pub fn collapsed_floor(&self, train: &PixelStats, test: &PixelStats) -> Result<Option<f64>> {
        let energy = match self.likelihood.energy() {
            Energy::Bernoulli => test.cross_entropy_of(&train.means()),
            Energy::Squared => test.squared_error_of(&train.means()),
            Energy::Absolute => test.absolute_error_of(&train.medians()),
            Energy::ContinuousBernoulli => return Ok(None),
        };
        let average = Averages { energy, kl: 0.0, weighed_kl: 0.0 };
        // A collapsed model that learns its sigma learns the best one.
        let likelihood = match self.likelihood {
            Likelihood::GaussianLearned => Likelihood::GaussianOptimal,
            other => other,
        };
        Ok(Some(Objective { likelihood, ..*self }.ledgers(&average, None, 1, Time::default())?.recon))
    }

    /// The least R of any model on images with these statistics, where the pixels set one: the entropy of greys that are
    /// taken for probabilities, which is 0 for pixels that are 0 or 1.
    pub fn entropy_floor(&self, test: &PixelStats) -> Option<f64> {
        (self.likelihood == Likelihood::Bernoulli).then(|| test.grey_entropy())
    }
}
