//! What a controller holds, before anything is trained: the term, its target as written, and what that is per image.

use serde::Serialize;

use super::linear::{Prediction, Scale, predict};
use crate::error::Result;
use crate::objective::{Controller, Geco, Moment, Multiplier, Objective, Time};
use crate::terms::Term;
use crate::text::significant;

/// What is held while training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Constraint {
    /// What finds the weight.
    pub method: Method,
    /// The tolerance or the target, as written.
    pub target: f64,
    /// What that is of R (or S) or of K per image, once the reduction is undone; none of the logarithm of an error.
    pub per_image: Option<f64>,
    /// The multiplier of the first step, and its bounds.
    pub multiplier: [f64; 3],
}

/// What finds a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// lambda, on the reconstruction.
    Geco,
    /// beta, on the KL.
    ControlVae,
}

/// Where a linear VAE under a constraint ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Held {
    /// Where the constraint holds, or the multiplier stops at a bound: beta*sigma^2, and the multiplier there.
    At { threshold: f64, multiplier: f64 },
    /// No value of the multiplier holds it, because of this.
    Never(String),
}

impl Constraint {
    /// What `objective` holds for a batch of `batch` images, where something finds one of its weights.
    pub(super) fn of(objective: &Objective, batch: usize) -> Option<Constraint> {
        let controller = objective.controller()?;
        let weights = objective.weights(batch, Moment::as_written(Time::END));
        let weight = |term| weights.get(term).copied().unwrap_or(1.0);
        Some(match controller {
            Controller::Geco(geco) => {
                let direct = objective.recon.loss.name().is_weighted_directly();
                let (least, most) = Geco::BOUNDS;
                Constraint {
                    method: Method::Geco,
                    target: geco.tolerance,
                    per_image: direct.then(|| geco.tolerance / weight(Term::Recon)),
                    multiplier: [geco.initial, least, most],
                }
            }
            Controller::ControlVae(pi) => Constraint {
                method: Method::ControlVae,
                target: pi.target,
                per_image: Some(pi.target / weight(Term::Kl)),
                multiplier: [pi.beta_min, pi.beta_min, pi.beta_max],
            },
        })
    }

    /// The constraint in words, on R or S as `symbol`; `floor` is that of the average image, where there is one.
    pub(super) fn lines(&self, symbol: &str, floor: Option<f64>) -> Vec<String> {
        let target = significant(self.target);
        let [_, least, most] = self.multiplier.map(significant);
        match (self.method, self.per_image) {
            (Method::Geco, None) => vec![format!(
                "GECO: lambda rises while a times the logarithm is above {target}, and falls while it is below"
            )],
            (Method::Geco, Some(per_image)) => {
                let mut lines = vec![format!(
                    "GECO: lambda rises while a*{symbol} is above {target}, and falls while it is below: {symbol} = {} per image",
                    significant(per_image)
                )];
                lines.extend(floor.filter(|&floor| floor <= per_image).map(|floor| {
                    format!(
                        "the average image has {symbol} = {}: it meets that without any latent, so lambda falls to {least} and K \
                         collapses",
                        significant(floor)
                    )
                }));
                lines
            }
            (Method::ControlVae, per_image) => vec![
                format!(
                    "ControlVAE: beta rises while b*K is above {target}, and falls while it is below: K = {} nats per image",
                    significant(per_image.unwrap_or(self.target))
                ),
                format!("beta stays between {least} and {most}, whatever K is"),
            ],
        }
    }
}

/// Where a linear VAE ends under the constraint of `objective`, whose variance is fixed, on data with these `eigenvalues`.
///
/// # Errors
/// Only where a tensor cannot be made.
pub(super) fn held(objective: &Objective, batch: usize, latents: usize, eigenvalues: &[f64]) -> Result<Option<Held>> {
    let moment = |multiplier| Moment { time: Time::END, multiplier: Multiplier::Found(multiplier) };
    let Some(controller) = objective.controller() else { return Ok(None) };
    let Some(one) = objective.beta_sigma2(batch, moment(1.0), None, None) else { return Ok(None) };
    let Some(&largest) = eigenvalues.first().filter(|&&largest| largest > 0.0) else { return Ok(None) };
    let at = |threshold: f64| predict(eigenvalues, latents, Scale::Fixed(threshold));
    // Above the largest eigenvalue nothing changes; this far below it, neither S does.
    let (least, most) = (largest * 1e-9, largest);
    match controller {
        Controller::Geco(geco) => {
            let weights = objective.weights(batch, Moment::as_written(Time::END));
            let a = weights.get(Term::Recon).copied().unwrap_or(1.0);
            let recon = |threshold: f64| -> Result<f64> {
                let energy = at(threshold).map_or(0.0, |Prediction { recon, .. }| recon);
                Ok(a * objective.recon.loss.weighted(&energy, objective.recon.pixels(), None)?)
            };
            if recon(most)? <= geco.tolerance {
                return Ok(Some(Held::Never("the tolerance is met without any latent: K collapses".to_owned())));
            }
            if recon(least)? > geco.tolerance {
                return Ok(Some(Held::Never(format!(
                    "a linear VAE of {latents} latents does not come down to the tolerance, and of a deeper one no rule is \
                     known; where none does, lambda rises without end"
                ))));
            }
            let threshold = bisect(least, most, |threshold| Ok(recon(threshold)? > geco.tolerance))?;
            Ok(Some(Held::At { threshold, multiplier: one / threshold }))
        }
        Controller::ControlVae(pi) => {
            let b = objective.weights(batch, Moment::as_written(Time::END));
            let b = b.get(Term::Kl).copied().unwrap_or(1.0);
            let is_below = |threshold: f64| Ok(at(threshold).map_or(0.0, |found| b * found.kl) < pi.target);
            let (from, to) = ((pi.beta_min * one).max(least), (pi.beta_max * one).max(least));
            let threshold = if !is_below(to)? {
                to
            } else if is_below(from)? {
                from
            } else {
                bisect(from, to, is_below)?
            };
            let multiplier = (threshold / one).clamp(pi.beta_min, pi.beta_max);
            if threshold <= least && pi.beta_min == 0.0 {
                let why = "no beta above 0 makes K so large: beta falls to 0, and nothing holds K";
                return Ok(Some(Held::Never(why.to_owned())));
            }
            Ok(Some(Held::At { threshold, multiplier }))
        }
    }
}

/// Where `is_beyond` changes from false to true between two positive numbers.
fn bisect(from: f64, to: f64, is_beyond: impl Fn(f64) -> Result<bool>) -> Result<f64> {
    let (mut low, mut high) = (from.ln(), to.ln());
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if is_beyond(middle.exp())? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok((0.5 * (low + high)).exp())
}
