//! What theory predicts of an objective on the data in use, or why it predicts nothing.

use serde::Serialize;

use super::constraint::{Held, held};
use super::linear::{self, Scale, predict};
use crate::choice::Choice;
use crate::data::{Dataset, PixelStats, Pixels, Spectrum};
use crate::error::Result;
use crate::objective::{
    FreeBits, KlPenalty, LatentTerms, Loss, Measure, Moment, Objective, PixelLoss, SigmaSquared, Time,
};
use crate::pass::Sampling;

/// What `explain` knows of the data in use.
#[derive(Clone, Debug)]
pub struct DataSummary {
    /// The name of the data set.
    pub name: String,
    /// Training images.
    pub train_images: usize,
    /// Statistics of the training images.
    pub train: PixelStats,
    /// Statistics of the test images.
    pub test: PixelStats,
    /// Eigenvalues of the training images.
    pub spectrum: Spectrum,
}

/// A prediction with its conditions, or the reason why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// What the data's eigenvalues say.
    Predicted(Expected),
    /// Nothing is known, because of this.
    NotPredicted(String),
}

/// What the data's eigenvalues say of an objective.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// The data set.
    pub data: String,
    /// The rule that is used.
    pub rule: String,
    /// beta * sigma^2 (Gaussian family) or beta (Bernoulli): what an eigenvalue must exceed.
    pub threshold: f64,
    /// Latents that survive, at most d.
    pub active_units: usize,
    /// The largest eigenvalue: a larger threshold collapses the model.
    pub collapses_above: f64,
    /// S of a linear VAE at its optimum.
    pub recon: Option<f64>,
    /// K of a linear VAE at its optimum.
    pub kl: Option<f64>,
    /// R (or S) on the test images of a decoder that ignores z.
    pub collapsed_floor: Option<f64>,
    /// lambda of GECO, or beta of ControlVAE, for a linear VAE at its optimum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<f64>,
}

impl DataSummary {
    /// Reads `data` with `pixels`.
    ///
    /// # Errors
    /// As [`Spectrum::of`].
    pub fn of(data: &Dataset, pixels: Pixels) -> Result<Self> {
        Ok(DataSummary {
            name: data.name.name().to_owned(),
            train_images: data.train.len(),
            train: PixelStats::of(&data.train, pixels),
            test: PixelStats::of(&data.test, pixels),
            spectrum: Spectrum::of(data, pixels)?,
        })
    }
}

/// What to expect of `objective` on `data`, with the weights of a batch of `batch` images at `time`.
///
/// # Errors
/// Only where a tensor cannot be made.
pub(super) fn expectation(objective: &Objective, batch: usize, time: Time, data: &DataSummary) -> Result<Expectation> {
    if let Some(reason) = outside_the_rules(objective) {
        return Ok(Expectation::NotPredicted(reason));
    }
    let LatentTerms::Kl(kl) = objective.latent else {
        return Ok(Expectation::NotPredicted("no theory says where a VQ-VAE ends; train it".to_owned()));
    };
    let ratio = objective.weight_ratio(batch, Moment::as_written(time));
    let collapsed_floor = objective.recon.collapsed_floor(&data.train, &data.test)?;
    let common = |rule: &str, threshold: f64, spectrum: &[f64]| {
        let above = spectrum.iter().filter(|&&lambda| lambda > threshold).count();
        Expected {
            data: data.name.clone(),
            rule: rule.to_owned(),
            threshold,
            active_units: above.min(kl.latent_dim()),
            collapses_above: spectrum.first().copied().unwrap_or(0.0),
            recon: None,
            kl: None,
            collapsed_floor,
            multiplier: None,
        }
    };
    let found = match held(objective, batch, kl.latent_dim(), &data.spectrum.covariance)? {
        None if objective.controller().is_some() => {
            let why = format!(
                "the weight is found while training, and no rule says which one of --loss {} holds the constraint; train it",
                objective.recon.loss.name().name()
            );
            return Ok(Expectation::NotPredicted(why));
        }
        Some(Held::Never(why)) => return Ok(Expectation::NotPredicted(why)),
        Some(Held::At { threshold, multiplier }) => Some((threshold, multiplier)),
        None => None,
    };
    let loss = objective.recon.loss;
    let scale = match (loss.pixel_loss(), loss.sigma2(objective.recon.pixels())) {
        (PixelLoss::Bernoulli, _) => {
            let rule = "to second order around the average image, a latent survives where an eigenvalue of the \
                        standardised covariance exceeds beta";
            return Ok(Expectation::Predicted(common(rule, ratio, &data.spectrum.standardised)));
        }
        (_, SigmaSquared::NotGaussian) => return Ok(no_rule(loss.name())),
        (_, SigmaSquared::Fixed(sigma2)) => Scale::Fixed(found.map_or(ratio * sigma2, |(threshold, _)| threshold)),
        (_, SigmaSquared::Learned | SigmaSquared::MeanSquaredError | SigmaSquared::OfLogarithm(_)) => {
            let pixels = objective.recon.pixels();
            Scale::PerSquaredError(per_mse(objective, ratio).unwrap_or(ratio) / pixels as f64)
        }
    };
    let rule = "a linear VAE keeps the directions whose eigenvalue exceeds beta*sigma^2 (probabilistic PCA: Tipping & \
                Bishop 1999, Lucas et al. 2019)";
    Ok(match predict(&data.spectrum.covariance, kl.latent_dim(), scale) {
        None => Expectation::NotPredicted(format!(
            "{} latents can take up every direction in which these images vary, and a fitted sigma then goes to 0",
            kl.latent_dim()
        )),
        Some(linear::Prediction { threshold, kept, recon, kl }) => Expectation::Predicted(Expected {
            recon: Some(recon),
            kl: Some(kl),
            active_units: kept,
            multiplier: found.map(|(_, multiplier)| multiplier),
            ..common(rule, threshold, &data.spectrum.covariance)
        }),
    })
}

fn no_rule(loss: Loss) -> Expectation {
    Expectation::NotPredicted(format!("no rule is known for --loss {}; train it", loss.name()))
}

/// Why neither rule holds for this objective, where neither does.
fn outside_the_rules(objective: &Objective) -> Option<String> {
    let LatentTerms::Kl(kl) = objective.latent else { return None };
    match (kl.sampling, kl.penalty) {
        (Sampling::Keras201605, _) => {
            Some("z is drawn with other noise than that of q, and the rules are about q; train it".to_owned())
        }
        (Sampling::Standard, KlPenalty::Capacity { nats, .. }) => {
            Some(format!("a capacity holds K near {nats} nats whatever the data say; train it"))
        }
        (Sampling::Standard, KlPenalty::Beta { free_bits: Some(free), .. }) => Some(format!(
            "free bits {free} leave {} uncharged, so the latents survive at any beta; train it",
            uncharged(free, kl.latent_dim())
        )),
        (Sampling::Standard, KlPenalty::Beta { free_bits: None, .. } | KlPenalty::Found(_)) => None,
    }
}

/// "10 nats" of 20 latents with half a nat each.
fn uncharged(free: FreeBits, latents: usize) -> String {
    let nats = match free {
        FreeBits::PerLatent(nats) | FreeBits::PerLatentBatch(nats) => nats * latents as f64,
        FreeBits::PerImage(nats) => nats,
    };
    format!("{} nats", crate::text::significant(nats))
}

/// beta * sigma^2 over the mean squared error, where sigma is fitted to it or the loss is its logarithm.
pub(super) fn per_mse(objective: &Objective, ratio: f64) -> Option<f64> {
    match objective.recon.loss.sigma2(objective.recon.pixels()) {
        // sigma^2 = MSE, and a learned sigma ends there.
        SigmaSquared::MeanSquaredError | SigmaSquared::Learned => Some(ratio),
        // A local weight of factor/S on S makes beta*sigma^2 = b*S/(2*factor), with S = D*MSE.
        SigmaSquared::OfLogarithm(factor) => Some(ratio * objective.recon.pixels() as f64 / (2.0 * factor)),
        SigmaSquared::NotGaussian | SigmaSquared::Fixed(_) => None,
    }
}

/// beta where the loss is a likelihood, beta * sigma^2 for squared errors of fixed scale.
pub(super) fn effective(objective: &Objective, batch: usize, time: Time) -> Option<f64> {
    let moment = Moment::as_written(time);
    match objective.recon.loss.measure() {
        Measure::Mass | Measure::Density | Measure::GreyMass => objective.beta_effective(batch, moment),
        Measure::SquaredError => objective.beta_sigma2(batch, moment, None, None),
    }
}
