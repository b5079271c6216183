//! What an objective really is, before anything is trained: its weights, its canonical form, and what to expect of it.

mod linear;
mod text;

use serde::Serialize;

pub use linear::{Prediction, predict};
pub use text::{kl_text, to_text};

use crate::choice::Choice;
use crate::data::{PixelStats, Pixels, Spectrum};
use crate::error::Result;
use crate::model::Sampling;
use crate::objective::{Likelihood, LogMseScale, Measure, Objective, Time};
use crate::spec::presets::Preset;
use crate::spec::{RunSpec, Strength};
use crate::text::significant;

/// What `explain` knows of the data in use.
#[derive(Clone, Debug)]
pub struct DataSummary {
    /// The name of the data set.
    pub name: String,
    /// Statistics of the training images.
    pub train: PixelStats,
    /// Statistics of the test images.
    pub test: PixelStats,
    /// Eigenvalues of the training images.
    pub spectrum: Spectrum,
}

/// An objective taken apart. The fields are those of `explain --json`; a value that does not exist is `null`.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The preset, where one was named.
    pub preset: Option<String>,
    /// Where it is from: code base, version, file and line.
    pub source: Option<String>,
    /// What else is particular to it.
    pub note: Option<String>,
    /// The reconstruction loss.
    pub loss: String,
    /// Whether R is a mass (nats), a density (nats, can be negative) or a squared error.
    pub measure: String,
    /// D.
    pub pixels: usize,
    /// d.
    pub latent_dim: usize,
    /// B.
    pub batch_size: usize,
    /// The objective with its numbers put in.
    pub formula: String,
    /// a: the weight on R (on the logarithm for `log-mse`), for a full batch.
    pub recon_weight: f64,
    /// b: the weight on K at the end of all warm-up, for a full batch.
    pub kl_weight: f64,
    /// b / a, where the loss is a likelihood.
    pub beta_effective: Option<f64>,
    /// beta * sigma^2, in the Gaussian family, where sigma is fixed.
    pub beta_sigma2: Option<f64>,
    /// beta * sigma^2 divided by the mean squared error, where it follows that error.
    pub beta_sigma2_per_mse: Option<f64>,
    /// The same objective as the plainest command, up to the factor beside it.
    pub canonical: Option<String>,
    /// What the canonical objective is multiplied with: it changes the learning rate at most.
    pub scale: Option<f64>,
    /// What to write for beta to get an effective beta of 1.
    pub beta_for_one: Option<f64>,
    /// What to expect on the data in use.
    pub expected: Option<Expected>,
    /// The same settings on images of another size.
    pub carried: Option<Carried>,
}

/// What the data's eigenvalues say of the objective.
#[derive(Clone, Debug, Serialize)]
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
}

/// What becomes of the weights at another number of pixels.
#[derive(Clone, Debug, Serialize)]
pub struct Carried {
    /// The other D.
    pub pixels: usize,
    /// The effective value there: beta, or beta * sigma^2.
    pub effective: Option<f64>,
    /// The value of beta that keeps what D pixels have now.
    pub beta_to_keep: Option<f64>,
}

/// Explains `spec` for images of `pixels` pixels whose variance around their common mean is `data_variance`.
///
/// # Errors
/// Only where a tensor cannot be made.
pub fn explain(
    spec: &RunSpec,
    preset: Option<&Preset>,
    pixels: usize,
    data_variance: f64,
    data: Option<&DataSummary>,
    carry_to: Option<usize>,
) -> Result<Explanation> {
    let objective = spec.objective_for(pixels, data_variance);
    let batch = spec.training().batch_size;
    let weights = objective.weights(batch, Time::END);
    let likelihood = objective.likelihood;
    let beta = match spec.objective().strength {
        Strength::Beta { beta, .. } => Some(beta),
        Strength::Capacity { .. } => None,
    };
    let beta_effective = objective.beta_effective(batch, Time::END);
    let beta_sigma2 = objective.beta_sigma2(batch, Time::END, None, None);
    let effective = effective(&objective, batch);
    let canonical = beta.and_then(|_| canonical(likelihood, weights.ratio));
    Ok(Explanation {
        preset: preset.map(|preset| preset.name.to_owned()),
        source: preset.map(|preset| format!("{}; {}", preset.source, preset.line)),
        note: preset.map(|preset| preset.note.to_owned()).filter(|note| !note.is_empty()),
        loss: likelihood.loss().name(),
        measure: likelihood.loss().measure().name(),
        pixels,
        latent_dim: objective.latent_dim,
        batch_size: batch,
        formula: text::formula(spec, &objective, weights),
        recon_weight: weights.recon,
        kl_weight: weights.kl,
        beta_effective,
        beta_sigma2,
        beta_sigma2_per_mse: beta.and_then(|_| per_mse(&objective, weights.ratio)),
        scale: canonical.as_ref().map(|_| weights.recon),
        canonical,
        beta_for_one: beta.filter(|&b| b > 0.0).and_then(|beta| Some(beta / beta_effective?)),
        // The rules hold for z drawn from q; a sampler that adds hardly any noise escapes them.
        expected: match (spec.model().sampling, data) {
            (Sampling::Standard, Some(data)) if beta.is_some() => expected(&objective, batch, data)?,
            _ => None,
        },
        carried: carry_to.map(|other| {
            let there = self::effective(&spec.objective_for(other, data_variance), batch);
            let keep = |beta: f64| Some(beta * effective? / there?);
            Carried { pixels: other, effective: there, beta_to_keep: beta.and_then(keep) }
        }),
    })
}

/// beta where the loss is a likelihood of fixed scale, beta * sigma^2 for squared errors.
fn effective(objective: &Objective, batch: usize) -> Option<f64> {
    match objective.likelihood.loss().measure() {
        Measure::Mass | Measure::Density => objective.beta_effective(batch, Time::END),
        Measure::SquaredError => objective.beta_sigma2(batch, Time::END, None, None),
    }
}

/// beta * sigma^2 over the mean squared error, where sigma is fitted to it or the loss is its logarithm.
fn per_mse(objective: &Objective, ratio: f64) -> Option<f64> {
    match objective.likelihood {
        // sigma^2 = MSE, and a learned sigma ends there.
        Likelihood::GaussianOptimal | Likelihood::GaussianLearned => Some(ratio),
        // a local weight of scale/S on S makes beta*sigma^2 = b*S/(2*scale), with S = D*MSE.
        Likelihood::LogMse { scale: LogMseScale::Bare } => Some(ratio * objective.pixels as f64 / 2.0),
        Likelihood::LogMse { scale: LogMseScale::HalfPixels } => Some(ratio),
        _ => None,
    }
}

/// The plainest command with this ratio of weights.
fn canonical(likelihood: Likelihood, ratio: f64) -> Option<String> {
    let own = match likelihood {
        Likelihood::Gaussian { sigma2 } => format!(" --sigma2 {sigma2}"),
        Likelihood::Laplace { scale } => format!(" --laplace-scale {scale}"),
        Likelihood::LogMse { scale } => format!(" --log-mse-scale {}", scale.name()),
        _ => String::new(),
    };
    ratio
        .is_finite()
        .then(|| format!("--loss {}{own} --reduction sum --beta {}", likelihood.loss().name(), significant(ratio)))
}

fn expected(objective: &Objective, batch: usize, data: &DataSummary) -> Result<Option<Expected>> {
    let ratio = objective.weights(batch, Time::END).ratio;
    let collapsed_floor = objective.collapsed_floor(&data.train, &data.test)?;
    let common = |rule: &str, threshold: f64, spectrum: &[f64]| {
        let above = spectrum.iter().filter(|&&lambda| lambda > threshold).count();
        Expected {
            data: data.name.clone(),
            rule: rule.to_owned(),
            threshold,
            active_units: above.min(objective.latent_dim),
            collapses_above: spectrum.first().copied().unwrap_or(0.0),
            recon: None,
            kl: None,
            collapsed_floor,
        }
    };
    if objective.likelihood == Likelihood::Bernoulli {
        let rule = "to second order around the average image, a latent survives where an eigenvalue of the \
                    standardised covariance exceeds beta";
        return Ok(Some(common(rule, ratio, &data.spectrum.standardised)));
    }
    let sigma2 = match (objective.beta_sigma2(batch, Time::END, None, None), per_mse(objective, ratio)) {
        (Some(fixed), _) => linear::Scale::Fixed(fixed),
        (None, Some(per_mse)) => linear::Scale::PerSquaredError(per_mse / objective.pixels as f64),
        (None, None) => return Ok(None),
    };
    let rule = "a linear VAE keeps the directions whose eigenvalue exceeds beta*sigma^2 (probabilistic PCA: Tipping & \
                Bishop 1999, Lucas et al. 2019)";
    let prediction = predict(&data.spectrum.covariance, objective.latent_dim, sigma2);
    Ok(Some(Expected {
        recon: Some(prediction.recon),
        kl: Some(prediction.kl),
        active_units: prediction.kept,
        ..common(rule, prediction.threshold, &data.spectrum.covariance)
    }))
}

/// What `explain` reads of a data set.
///
/// # Errors
/// As [`Spectrum::of`].
pub fn summarise(data: &crate::data::Dataset, pixels: Pixels) -> Result<DataSummary> {
    Ok(DataSummary {
        name: data.name.name().to_owned(),
        train: PixelStats::of(&data.train, pixels),
        test: PixelStats::of(&data.test, pixels),
        spectrum: Spectrum::of(data, pixels)?,
    })
}
