//! The winner is held against fresh inputs at fresh sizes before it is said.

use super::design::{Inputs, LatentRegime, PixelRegime, Shape};
use super::find_sampled::{even_part, one_latent};
use super::kl_form::{Estimate, KlForm};
use super::law::Law;
use super::measure::Forms;
use super::session::{Session, Stop, UNITS, refused};
use crate::text::significant;

/// The largest relative error of a term that is accepted.
const ACCEPTED: f64 = 1e-4;

/// A whole hypothesis.
pub(super) struct Claim<'a> {
    pub forms: &'a Forms,
    pub recon: &'a Law,
    pub kl: &'a Law,
}

/// The worst relative error of either term at `shape`.
pub(super) fn check(session: &mut Session<'_>, claim: &Claim<'_>, shape: Shape, seed: u64) -> Result<f64, Stop> {
    let base = Inputs::draw(shape, seed, PixelRegime::Unit, LatentRegime::Positive);
    let here = session.ask(&base)?;
    let a = claim.recon.at(shape);
    let mut worst = 0.0f64;
    // Whether rounding leaves the term visible.
    let mut compare = |session: &Session<'_>, found: f64, said: f64, size: f64, term: &str| -> Result<bool, Stop> {
        let noise = UNITS * session.rounding * size;
        let error = ((found - said).abs() - noise).max(0.0) / said.abs().max(found.abs()).max(f64::MIN_POSITIVE);
        if error > ACCEPTED {
            return Err(refused(format!(
                "{term} of fresh inputs is off by {} %, for {} images of {} pixels and {} latents: it depends on more than R \
                 and K and the sizes",
                significant(100.0 * error),
                shape.batch,
                shape.pixels,
                shape.latents
            )));
        }
        worst = worst.max(error);
        Ok(noise <= 0.1 * said.abs() || found == said)
    };
    let lost = |term: &str| refused(format!("{term} is lost in rounding at the sizes that it is checked at"));
    for k in 1..3 {
        let mut inputs = base.clone();
        inputs.redraw_pixels(seed + k, PixelRegime::Unit);
        let value = session.ask(&inputs)?;
        let said = a * (claim.forms.recon.value(&inputs) - claim.forms.recon.value(&base));
        if !compare(session, value - here, said, value.abs().max(here.abs()), "the reconstruction")? {
            return Err(lost("the reconstruction"));
        }
    }
    let base = base.quiet();
    let here = session.ask(&base)?;
    let Some(form) = &claim.forms.kl else { return Ok(worst) };
    let b = claim.kl.at(shape);
    match form.estimate {
        Estimate::Sampled => {
            let (even, squares) = even_part(session, &base, form.reading)?;
            if !compare(session, even, b * squares, 4.0 * here.abs(), "the KL")? {
                return Err(lost("the KL"));
            }
            let cell = base.mean.len() / 2;
            let (residual, log) = one_latent(session, &base, form.reading, cell, b / shape.batch as f64)?;
            if residual > ACCEPTED || log.is_none_or(|log| (log - form.coefficients.log_variance).abs() > 1e-2) {
                return Err(refused(format!("its sampled KL is another at fresh sizes: residual {residual:.1e}")));
            }
        }
        Estimate::Closed => {
            let mut visible = false;
            for (k, regime) in regimes(form, shape).into_iter().enumerate() {
                let mut inputs = base.clone();
                inputs.redraw_latents(seed + 10 + k as u64, regime);
                let value = session.ask(&inputs)?;
                let said = b * (form.value(&inputs) - form.value(&base));
                visible |= compare(session, value - here, said, value.abs().max(here.abs()), "the KL")?;
            }
            if !visible {
                return Err(lost("the KL"));
            }
            // Both at once: two terms that are added do not see each other.
            let mut inputs = base.clone();
            inputs.redraw_pixels(seed + 20, PixelRegime::Unit);
            inputs.redraw_latents(seed + 21, LatentRegime::Positive);
            let value = session.ask(&inputs)?;
            let recon = a * (claim.forms.recon.value(&inputs) - claim.forms.recon.value(&base));
            let kl = b * (form.value(&inputs) - form.value(&base));
            if (value - here - recon - kl).abs()
                > ACCEPTED * (recon.abs() + kl.abs()) + UNITS * session.rounding * (value.abs() + here.abs())
            {
                return Err(refused(
                    "the two terms are not added: what the posterior costs depends on the reconstruction",
                ));
            }
        }
    }
    Ok(worst)
}

fn regimes(form: &KlForm, shape: Shape) -> Vec<LatentRegime> {
    let mut all = vec![LatentRegime::Positive, LatentRegime::Large];
    if form.reading.takes_negatives() {
        all.push(LatentRegime::Signed);
    }
    if let Some(law) = form.limit.law() {
        let nats = law.at(shape).abs().max(1e-3);
        let prior = form.reading.prior();
        all.push(LatentRegime::Around { nats, prior });
        all.push(LatentRegime::Around { nats: nats / shape.latents as f64, prior });
    }
    all
}
