//! Asking: counts calls, finds the total among what is returned, turns the sign of an ELBO.

use super::design::{Inputs, LatentRegime, PixelRegime, Shape};
use super::finding::{Refusal, Returns, Scored};
use super::oracle::{Oracle, Reply, Unanswered};
use crate::error::Error;

/// Why identification ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The function failed at some inputs.
    Raised(String),
    /// It is no loss that is known.
    Refused(Refusal),
    /// Nothing can be asked any more.
    Broken(Error),
}

/// Residuals below this are agreement, in double precision; the final check is at 1e-4 of each term.
pub(super) const AGREES: f64 = 2e-5;
/// How many rounding units a sum may be off.
pub(super) const UNITS: f64 = 60.0;

/// The part of a reply that is the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Total {
    Part(usize),
    /// Two terms that come without their sum.
    Sum(usize, usize),
}

/// A conversation with one loss.
pub(super) struct Session<'a> {
    oracle: &'a mut dyn Oracle,
    /// Calls so far.
    pub calls: usize,
    /// The rounding unit of the values.
    pub rounding: f64,
    total: Total,
    /// -1 for an ELBO, which is maximised.
    pub sign: f64,
}

pub(super) fn refused(reason: impl Into<String>) -> Stop {
    Stop::Refused(Refusal { reason: reason.into(), nearest: Vec::new() })
}

pub(super) fn refused_with(reason: impl Into<String>, mut nearest: Vec<Scored>) -> Stop {
    nearest.truncate(4);
    Stop::Refused(Refusal { reason: reason.into(), nearest })
}

impl<'a> Session<'a> {
    pub(super) fn new(oracle: &'a mut dyn Oracle) -> Self {
        Session { oracle, calls: 0, rounding: f64::EPSILON, total: Total::Part(0), sign: 1.0 }
    }

    pub(super) fn parameters(&self) -> Vec<(String, f64)> {
        self.oracle.parameters()
    }

    /// Everything that the loss returns.
    pub(super) fn reply(&mut self, inputs: &Inputs) -> Result<Reply, Stop> {
        self.calls += 1;
        match self.oracle.ask(inputs) {
            Ok(reply) => {
                self.rounding = self.rounding.max(reply.rounding);
                Ok(reply)
            }
            Err(Unanswered::Raised(text)) => Err(Stop::Raised(text)),
            Err(Unanswered::Broken(error)) => Err(Stop::Broken(error)),
        }
    }

    /// The loss, a finite number.
    pub(super) fn ask(&mut self, inputs: &Inputs) -> Result<f64, Stop> {
        let reply = self.reply(inputs)?;
        let Shape { batch, pixels, latents } = inputs.shape;
        let value = self.total_of(&reply).ok_or_else(|| {
            refused(format!("it returns other things for {batch} images of {pixels} pixels and {latents} latents"))
        })?;
        if value.is_finite() {
            return Ok(value);
        }
        Err(refused(format!(
            "it returns {value} for reconstructions in ({:.2}, {:.2}), means up to {:.1} in size and log variances in ({:.2}, {:.2})",
            inputs.recon.iter().copied().fold(f64::INFINITY, f64::min),
            inputs.recon.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            inputs.mean.iter().map(|m| m.abs()).fold(0.0, f64::max),
            inputs.logvar.iter().copied().fold(f64::INFINITY, f64::min),
            inputs.logvar.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        )))
    }

    fn total_of(&self, reply: &Reply) -> Option<f64> {
        let part = |i: usize| reply.parts.get(i).map(|part| part.value);
        Some(
            self.sign
                * match self.total {
                    Total::Part(i) => part(i)?,
                    Total::Sum(i, j) => part(i)? + part(j)?,
                },
        )
    }

    /// The names of the parts that are not the total, with their places.
    pub(super) fn other_parts(&self, reply: &Reply) -> Vec<(usize, String)> {
        let is_total = |i: usize| match self.total {
            Total::Part(total) => i == total,
            Total::Sum(..) => false,
        };
        reply.parts.iter().enumerate().filter(|(i, _)| !is_total(*i)).map(|(i, part)| (i, part.name.clone())).collect()
    }

    /// Finds the loss among what is returned: what depends on pixels and latents, by its name where several do.
    pub(super) fn choose_total(&mut self, base: &Inputs) -> Result<Returns, Stop> {
        let here = self.reply(base)?;
        if here.parts.is_empty() {
            return Err(refused("it returns no number"));
        }
        let again = self.reply(base)?;
        if here != again {
            return Err(refused("two calls with the same inputs and the same seed give different values"));
        }
        let random = self.reply(&Inputs { seed: base.seed + 1, ..base.clone() })? != here;
        let mut pixels = base.clone();
        pixels.redraw_pixels(71, PixelRegime::Unit);
        let mut latents = base.clone();
        latents.redraw_latents(72, LatentRegime::Large);
        let (pixels, latents) = (self.reply(&pixels)?, self.reply(&latents)?);
        // A number that single precision holds was made in it, whatever type it came back in.
        if here.parts.iter().all(|part| f64::from(part.value as f32) == part.value && part.value.fract() != 0.0) {
            self.rounding = self.rounding.max(f64::from(f32::EPSILON));
        }
        let n = here.parts.len();
        if pixels.parts.len() != n || latents.parts.len() != n {
            return Err(refused("it returns other things for other values"));
        }
        let depends = |other: &Reply, i: usize| other.parts[i].value != here.parts[i].value;
        let both: Vec<usize> = (0..n).filter(|&i| depends(&pixels, i) && depends(&latents, i)).collect();
        let only_pixels = (0..n).find(|&i| depends(&pixels, i) && !depends(&latents, i));
        let only_latents = (0..n).find(|&i| depends(&latents, i) && !depends(&pixels, i));
        let named = |i: &usize| {
            let name = here.parts[*i].name.to_lowercase();
            ["loss", "total", "total_loss", "vae_loss", "objective", "elbo", "neg_elbo", "nelbo"]
                .contains(&name.as_str())
        };
        let first = both.iter().copied().find(named).or_else(|| both.first().copied());
        self.total = match (first, only_pixels, only_latents) {
            (Some(total), _, _) => Total::Part(total),
            (None, Some(recon), Some(kl)) => Total::Sum(recon, kl),
            (None, Some(recon), None) => Total::Part(recon),
            (None, None, Some(_)) => {
                return Err(refused(
                    "it depends on the posterior alone and not on the reconstruction: probe the whole loss, not its KL",
                ));
            }
            (None, None, None) => {
                return Err(refused("it depends neither on the reconstruction nor on the posterior"));
            }
        };
        let name = |i: usize| here.parts[i].name.clone();
        Ok(match self.total {
            Total::Part(i) => Returns {
                total: if n == 1 { String::new() } else { name(i) },
                sum_of: None,
                per_image: here.parts[i].per_image,
                random,
            },
            Total::Sum(i, j) => Returns {
                total: String::new(),
                sum_of: Some((name(i), name(j))),
                per_image: here.parts[i].per_image || here.parts[j].per_image,
                random,
            },
        })
    }

    /// How far apart values may be that agree, over their range.
    pub(super) fn tolerance(&self, values: &[f64]) -> f64 {
        let size = values.iter().map(|v| v.abs()).fold(0.0, f64::max);
        (UNITS * self.rounding * size / super::fit::spread(values).max(f64::MIN_POSITIVE)).max(AGREES)
    }
}
