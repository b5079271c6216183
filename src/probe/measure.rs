//! a and b at given sizes, and what is free there.

use super::design::{Inputs, LatentRegime, PixelRegime, Shape};
use super::find_sampled::even_part;
use super::fit::{linear, spread};
use super::kl_form::{Estimate, KlForm, Limit};
use super::recon_form::ReconForm;
use super::session::{Session, Stop, UNITS, refused};

/// The two terms that were identified.
#[derive(Clone, Debug)]
pub(super) struct Forms {
    pub recon: ReconForm,
    pub kl: Option<KlForm>,
}

/// What was measured at some sizes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub shape: Shape,
    /// a.
    pub recon: f64,
    /// b.
    pub kl: f64,
    /// What is free, or the capacity, in nats.
    pub nats: f64,
    /// What is left at any inputs.
    pub constant: f64,
    /// Relative uncertainty of a and b by rounding.
    pub noise: f64,
}

/// Measures the weights of `forms` at `shape`, with a parameter at another value where `set` says so.
pub(super) fn measure(
    session: &mut Session<'_>,
    forms: &Forms,
    shape: Shape,
    set: Option<&(String, f64)>,
) -> Result<Measured, Stop> {
    let limited = forms.kl.as_ref().is_some_and(|kl| kl.limit != Limit::None);
    let regime = if limited { LatentRegime::Large } else { LatentRegime::Positive };
    let mut base = Inputs::draw(shape, 400, PixelRegime::Unit, regime);
    base.set = set.cloned();
    let here = format!("for {} images of {} pixels and {} latents", shape.batch, shape.pixels, shape.latents);
    let mut noise = 0.0f64;
    let mut slope =
        |session: &mut Session<'_>, designs: &[Inputs], feature: Vec<f64>, term: &str| -> Result<f64, Stop> {
            let values = designs.iter().map(|inputs| session.ask(inputs)).collect::<Result<Vec<f64>, Stop>>()?;
            if spread(&values) == 0.0 {
                return Ok(0.0);
            }
            let fit = linear(&[feature], &values).ok_or_else(|| refused(format!("{term} is not finite {here}")))?;
            let size = values.iter().map(|v| v.abs()).fold(0.0, f64::max);
            noise = noise.max(session.rounding * UNITS * size / spread(&values));
            if fit.residual > session.tolerance(&values) {
                return Err(refused(format!("{term} is another {here}: residual {:.1e}", fit.residual)));
            }
            Ok(fit.coefficients[0])
        };
    let designs: Vec<Inputs> = (0..4)
        .map(|k| {
            let mut inputs = base.clone();
            inputs.redraw_pixels(410 + k, PixelRegime::Unit);
            inputs
        })
        .collect();
    let feature = designs.iter().map(|inputs| forms.recon.value(inputs)).collect();
    let recon = slope(session, &designs, feature, "the reconstruction")?;
    let recon_part = |inputs: &Inputs| recon * forms.recon.value(inputs);
    let Some(form) = &forms.kl else {
        let constant = session.ask(&base)? - recon_part(&base);
        return Ok(Measured { shape, recon, kl: 0.0, nats: 0.0, constant, noise });
    };
    let base = base.quiet();
    let mut prior = base.clone();
    prior.set_latents(0.0, form.reading.prior());
    match form.estimate {
        Estimate::Sampled => {
            let (even, squares) = even_part(session, &base, form.reading)?;
            let kl = even / squares;
            let constant = session.ask(&prior)? - recon_part(&prior);
            noise = noise.max(session.rounding * UNITS * constant.abs().max(recon_part(&prior).abs()) / even.abs());
            Ok(Measured { shape, recon, kl, nats: 0.0, constant, noise })
        }
        Estimate::Closed => {
            let linear_form = KlForm { limit: Limit::None, ..form.clone() };
            let designs: Vec<Inputs> = (0..4)
                .map(|k| {
                    let mut inputs = base.clone();
                    inputs.redraw_latents(420 + k, regime);
                    inputs
                })
                .collect();
            let feature = designs.iter().map(|inputs| linear_form.value(inputs)).collect();
            let kl = slope(session, &designs, feature, "the KL")?;
            let rest = session.ask(&designs[0])? - recon_part(&designs[0]) - kl * linear_form.value(&designs[0]);
            if kl == 0.0 || !limited {
                return Ok(Measured { shape, recon, kl, nats: 0.0, constant: rest, noise });
            }
            let excess = (session.ask(&prior)? - recon_part(&prior) - rest) / kl;
            let nats = form.limit.amount(excess, shape.latents);
            // A free amount is part of the term; a capacity shifts the line that large KLs follow by -C.
            let shift = match form.limit {
                Limit::CapacityOfBatch(_) | Limit::CapacityOfImage(_) => kl * nats,
                Limit::None
                | Limit::FreePerLatent(_)
                | Limit::FreePerLatentBatch(_)
                | Limit::FreePerImage(_)
                | Limit::FreePerBatch(_) => 0.0,
            };
            Ok(Measured { shape, recon, kl, nats, constant: rest + shift, noise })
        }
    }
}
