//! An objective taken apart.

use serde::Serialize;

use super::canonical;
use super::constraint::Constraint;
use super::expectation::{DataSummary, Expectation, Expected, effective, expectation, per_mse};
use super::formula::formula;
use crate::error::{Error, Result};
use crate::objective::{EffectiveWeight, KlPenalty, Loss, Measure, Moment, Objective, Time};
use crate::spec::RunSpec;
use crate::spec::presets::Preset;
use crate::terms::Term;

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
    pub loss: Loss,
    /// Whether R is a mass (nats), a density (nats, can be negative) or a squared error.
    pub measure: Measure,
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
    /// b: the weight on K once all warm-up is over, for a full batch.
    pub kl_weight: f64,
    /// b / a once all warm-up is over, where the loss is a likelihood.
    pub beta_effective: Option<f64>,
    /// beta * d / D where there is a beta (Higgins et al. 2017): the factor beside it in a loss of two means.
    pub beta_norm: Option<f64>,
    /// beta * sigma^2 once all warm-up is over, in the Gaussian family, where sigma is fixed.
    pub beta_sigma2: Option<f64>,
    /// beta * sigma^2 divided by the mean squared error, where it follows that error.
    pub beta_sigma2_per_mse: Option<f64>,
    /// How far beta has risen at the end of the run, in [0, 1], where there is a warm-up and the data is known.
    pub warmup_at_end: Option<f64>,
    /// The same objective as the plainest command, up to the factor beside it.
    pub canonical: Option<String>,
    /// What the canonical objective is multiplied by: it changes the learning rate at most.
    pub scale: Option<f64>,
    /// What to write for beta to get an effective beta of 1.
    pub beta_for_one: Option<f64>,
    /// What GECO or ControlVAE holds, where one of them finds a weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraint: Option<Constraint>,
    /// What to expect on the data in use.
    pub expected: Option<Expected>,
    /// Why nothing is predicted, where the data is known and nothing is.
    pub not_predicted: Option<String>,
    /// R (or S) of the average image on the test images, where a weight is found and the data is known.
    #[serde(skip)]
    pub(super) floor: Option<f64>,
    /// The same settings on images of another size.
    pub carried: Option<Carried>,
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

/// What an objective is explained for.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// D.
    pub pixels: usize,
    /// The variance of all training pixels around their common mean.
    pub data_variance: f64,
    /// The data in use, where predictions are wanted.
    pub data: Option<&'a DataSummary>,
    /// Another D to carry the settings to.
    pub carry_to: Option<usize>,
}

/// Explains `spec`, that of a VAE, which may be that of `preset`.
///
/// # Errors
/// [`Error::Usage`] for a VQ-VAE, which [`super::explain_codes`] explains; else only where a tensor cannot be made.
pub fn explain(spec: &RunSpec, preset: Option<&Preset>, on: &Context<'_>) -> Result<Explanation> {
    let Some(kl) = spec.family().kl() else {
        return Err(Error::Usage("a VQ-VAE has no KL to explain; its terms are explained by themselves".to_owned()));
    };
    let objective = spec.objective_for(on.pixels, on.data_variance);
    // A batch that is never full weighs as what it holds.
    let full = spec.training().batch_size;
    let batch = on.data.map_or(full, |data| full.min(data.train_images.max(1)));
    let end_of_rises = Moment::as_written(Time::END);
    let weights = objective.weights(batch, end_of_rises);
    let ratio = objective.weight_ratio(batch, end_of_rises);
    let penalty = kl.penalty;
    let beta = match penalty {
        KlPenalty::Beta { beta, .. } => Some(beta),
        KlPenalty::Capacity { .. } | KlPenalty::Found(_) => None,
    };
    let beta_effective = objective.beta_effective(batch, end_of_rises);
    let effective_here = effective(&objective, batch, Time::END);
    let canonical = canonical::settings(spec, &objective, batch);
    let end = on.data.map_or(Time::END, |data| Time::end_of(spec.training().epochs, data.train_images, full));
    let warmup_at_end = match penalty {
        KlPenalty::Beta { warmup: Some(_), .. } if on.data.is_some() => Some(penalty.warmup(end)),
        KlPenalty::Beta { .. } | KlPenalty::Capacity { .. } | KlPenalty::Found(_) => None,
    };
    let floor = match (objective.controller(), on.data) {
        (Some(_), Some(data)) => objective.recon.collapsed_floor(&data.train, &data.test)?,
        (_, _) => None,
    };
    let expectation = on.data.map(|data| expectation(&objective, batch, end, data)).transpose()?;
    let (expected, not_predicted) = match expectation {
        None => (None, None),
        Some(Expectation::Predicted(expected)) => (Some(expected), None),
        Some(Expectation::NotPredicted(reason)) => (None, Some(reason)),
    };
    Ok(Explanation {
        preset: preset.map(|preset| preset.name.to_owned()),
        source: preset.map(|preset| format!("{}; {}", preset.source, preset.line)),
        note: preset.map(|preset| preset.note.to_owned()).filter(|note| !note.is_empty()),
        loss: objective.recon.loss.name(),
        measure: objective.recon.loss.measure(),
        pixels: on.pixels,
        latent_dim: spec.family().latent_dim(),
        batch_size: batch,
        formula: formula(spec, kl, &weights),
        recon_weight: weights.get(Term::Recon).copied().unwrap_or(0.0),
        kl_weight: weights.get(Term::Kl).copied().unwrap_or(0.0),
        beta_effective,
        beta_norm: beta_effective.map(|beta| beta * spec.family().latent_dim() as f64 / on.pixels as f64),
        beta_sigma2: objective.beta_sigma2(batch, end_of_rises, None, None),
        beta_sigma2_per_mse: beta.and_then(|_| per_mse(&objective, ratio)),
        warmup_at_end,
        scale: canonical.as_ref().map(|(_, scale)| *scale),
        canonical: canonical.as_ref().map(|(settings, _)| canonical::command(settings)),
        beta_for_one: beta.filter(|&b| b > 0.0).and_then(|beta| Some(beta / beta_effective?)),
        constraint: Constraint::of(&objective, batch),
        floor,
        expected,
        not_predicted,
        carried: on.carry_to.map(|other| carried(spec, on, other, batch, (beta, effective_here))),
    })
}

fn carried(
    spec: &RunSpec,
    on: &Context<'_>,
    other: usize,
    batch: usize,
    (beta, effective_here): (Option<f64>, Option<f64>),
) -> Carried {
    let there: Objective = spec.objective_for(other, on.data_variance);
    let effective_there = effective(&there, batch, Time::END);
    let keep = |beta: f64| Some(beta * effective_here? / effective_there?);
    Carried { pixels: other, effective: effective_there, beta_to_keep: beta.and_then(keep) }
}

impl Explanation {
    /// What makes the objective comparable with others, once all warm-up is over.
    pub fn effective(&self) -> Option<EffectiveWeight> {
        EffectiveWeight::of(self.beta_effective, self.beta_sigma2)
    }
}
