//! From a black box to a * R + b * K, or to the reason why not.

use std::f64::consts::PI;

use super::check::{Claim, check};
use super::design::{Inputs, LatentRegime, PixelRegime, Plan, Shape};
use super::find_kl::find_kl;
use super::find_recon::find_recon;
use super::find_sampled::{find_sampled, is_odd};
use super::finding::{Effect, Evidence, Finding, Fixed, Likelihood, Outcome, Parameter, PartFound};
use super::fit::linear;
use super::kl_form::{KlForm, Limit};
use super::law::{Law, Monomial, tidy};
use super::measure::{Forms, Measured, measure};
use super::oracle::Oracle;
use super::recon_form::{Energy, Joint, PixelMap, ReconForm};
use super::session::{AGREES, Session, Stop, UNITS, refused, refused_with};
use crate::error::Error;

/// Identifies the loss that `oracle` answers for.
///
/// # Errors
/// Only where the oracle breaks; a loss that is not known, or that fails, is an [`Outcome`].
pub fn identify(oracle: &mut dyn Oracle, plan: &Plan) -> Result<Outcome, Error> {
    let mut session = Session::new(oracle);
    match all_of_it(&mut session, plan) {
        Ok(finding) => Ok(Outcome::Found(Box::new(finding))),
        Err(Stop::Refused(refusal)) => Ok(Outcome::Refused(refusal)),
        Err(Stop::Raised(text)) => Ok(Outcome::Failed(text)),
        Err(Stop::Broken(error)) => Err(error),
    }
}

fn all_of_it(session: &mut Session<'_>, plan: &Plan) -> Result<Finding, Stop> {
    let base = Inputs::draw(plan.first, 1, PixelRegime::Unit, LatentRegime::Positive);
    let returns = session.choose_total(&base)?;
    let (recon, recon_scores) = find_recon(session, &base)?;
    let (kl, kl_scores) = if is_odd(session, &base)? {
        let (form, scores) = find_sampled(session, &base)?;
        (Some(form), scores)
    } else {
        find_kl(session, &base.clone().quiet())?.map_or((None, Vec::new()), |(form, scores)| (Some(form), scores))
    };
    added(session, &base)?;
    let mut forms = Forms { recon, kl };
    let mut first = measure(session, &forms, plan.first, None)?;
    let negated = first.recon < 0.0 && first.kl <= 0.0;
    if negated {
        session.sign = -1.0;
        first = measure(session, &forms, plan.first, None)?;
    }
    let (points, fixed) = everywhere(session, plan, &forms, first)?;
    let tolerance = points.iter().map(|p| 3.0 * p.noise).fold(1e-6, f64::max).min(1e-3);
    let law = |name: &str, value: fn(&Measured) -> f64| {
        let values: Vec<(Shape, f64)> = points.iter().map(|p| (p.shape, value(p))).collect();
        let scale = values.iter().map(|(_, v)| v.abs()).fold(0.0, f64::max);
        Law::fit(&values, tolerance, 0.0).or_else(|| Law::fit(&values, 10.0 * tolerance, 0.0)).ok_or_else(|| {
            let list: Vec<_> = values
                .iter()
                .map(|(s, v)| super::finding::Scored {
                    name: format!("{name} at B = {}, D = {}, d = {}: {v}", s.batch, s.pixels, s.latents),
                    residual: v / scale,
                })
                .collect();
            refused_with(format!("{name} follows B, D and d in a way that is no sum of their powers"), list)
        })
    };
    let recon_weight = law("a", |p| p.recon)?;
    let kl_weight = law("b", |p| p.kl)?;
    if let Some(form) = forms.kl.as_mut().filter(|form| form.limit != Limit::None) {
        form.limit = form.limit.with(law("the amount of KL that is free", |p| p.nats)?);
    }
    let claim = Claim { forms: &forms, recon: &recon_weight, kl: &kl_weight };
    let mut evidence = Evidence { recon: recon_scores, kl: kl_scores, ..Evidence::default() };
    for (k, shape) in plan.fresh.iter().map(|&shape| held(shape, plan.first, &fixed)).enumerate() {
        evidence.worst = evidence.worst.max(check(session, &claim, shape, 1000 + 37 * k as u64)?);
        evidence.checked.push(shape);
    }
    let constant = constant_law(&points, tolerance, session.rounding);
    let likelihood = likelihood(forms.recon, &recon_weight, &points, tolerance.max(1e-5));
    let parameters = parameters(session, &forms, first)?;
    let parts = parts(session, &base, &forms)?;
    let notes = notes(session, &base, &claim)?;
    evidence.calls = session.calls;
    evidence.rounding = session.rounding;
    Ok(Finding {
        recon: forms.recon,
        recon_weight,
        likelihood,
        kl: forms.kl,
        kl_weight,
        constant,
        negated,
        returns,
        parameters,
        parts,
        fixed,
        first: plan.first,
        notes,
        evidence,
    })
}

/// Refuses terms that see each other: what a change of pixels costs must not depend on the latents.
fn added(session: &mut Session<'_>, base: &Inputs) -> Result<(), Stop> {
    let mut pixels = base.clone();
    pixels.redraw_pixels(81, PixelRegime::Unit);
    let mut latents = base.clone();
    latents.redraw_latents(82, LatentRegime::Positive);
    let both = Inputs { mean: latents.mean.clone(), logvar: latents.logvar.clone(), ..pixels.clone() };
    let (here, both) = (session.ask(base)?, session.ask(&both)?);
    let (pixels, latents) = (session.ask(&pixels)?, session.ask(&latents)?);
    let size = (pixels - here).abs() + (latents - here).abs();
    let noise = UNITS * session.rounding * (here.abs() + both.abs());
    if (both - pixels - latents + here).abs() > 1e-5 * size + noise {
        return Err(refused("the two terms are not added: what the posterior costs depends on the reconstruction"));
    }
    Ok(())
}

/// `shape` with the sizes that the function accepts one value of.
fn held(shape: Shape, first: Shape, fixed: &[Fixed]) -> Shape {
    Shape {
        batch: if fixed.contains(&Fixed::Batch) { first.batch } else { shape.batch },
        pixels: if fixed.contains(&Fixed::Pixels) { first.pixels } else { shape.pixels },
        latents: if fixed.contains(&Fixed::Latents) { first.latents } else { shape.latents },
    }
}

/// The weights at all sizes of the plan that the function accepts, and the sizes that it accepts one value of.
fn everywhere(
    session: &mut Session<'_>,
    plan: &Plan,
    forms: &Forms,
    first: Measured,
) -> Result<(Vec<Measured>, Vec<Fixed>), Stop> {
    let mut points = vec![first];
    let mut fixed = Vec::new();
    let only = |shape: &Shape| {
        let differs =
            [shape.batch != plan.first.batch, shape.pixels != plan.first.pixels, shape.latents != plan.first.latents];
        match differs {
            [true, false, false] => Some(Fixed::Batch),
            [false, true, false] => Some(Fixed::Pixels),
            [false, false, true] => Some(Fixed::Latents),
            _ => None,
        }
    };
    for &shape in plan.others.iter().filter(|shape| only(shape).is_some()) {
        match measure(session, forms, shape, None) {
            Ok(measured) => points.push(measured),
            Err(Stop::Raised(_)) => fixed.extend(only(&shape)),
            Err(stop) => return Err(stop),
        }
    }
    // A size is fixed where it never worked; where it worked sometimes, those points alone count.
    fixed.retain(|size| !points[1..].iter().any(|p| only(&p.shape) == Some(*size)));
    fixed.dedup();
    for &shape in plan.others.iter().filter(|shape| only(shape).is_none()) {
        let shape = held(shape, plan.first, &fixed);
        if points.iter().any(|p| p.shape == shape) {
            continue;
        }
        match measure(session, forms, shape, None) {
            Ok(measured) => points.push(measured),
            Err(Stop::Raised(_)) => {}
            Err(stop) => return Err(stop),
        }
    }
    Ok((points, fixed))
}

/// What is added at every size; nothing where it is within rounding.
fn constant_law(points: &[Measured], tolerance: f64, rounding: f64) -> Option<Law> {
    let values: Vec<(Shape, f64)> = points.iter().map(|p| (p.shape, p.constant)).collect();
    // The two terms were subtracted from the loss; what an epsilon under a logarithm leaves is no constant either.
    let recon = points.iter().map(|p| p.recon.abs() * p.shape.pixels as f64).fold(0.0, f64::max);
    let kl = points.iter().map(|p| p.kl.abs()).fold(0.0, f64::max);
    let zero = (UNITS * rounding * (recon + 3000.0 * kl)).max(2e-6 * recon);
    Law::fit(&values, tolerance.max(1e-5), zero)
}

/// Whether the constant is that of a density.
fn likelihood(recon: ReconForm, weight: &Law, points: &[Measured], tolerance: f64) -> Likelihood {
    // Weights that a code base may put on an NLL per image.
    let outer = [[0, 0], [0, -2], [2, 0], [2, -2], [-2, 0]]
        .map(|[b, d]| Law(vec![Monomial { factor: 1.0, halves: [b, d, 0] }]));
    let Some(own) = weight.single() else { return Likelihood::None };
    let plain = recon.recon_map == recon.x_map || recon.x_map == PixelMap::Identity;
    let explains = |constant: &dyn Fn(Shape) -> f64| {
        let matches = |p: &Measured| {
            let said = constant(p.shape);
            (p.constant - said).abs() <= 100.0 * tolerance * said.abs().max(p.recon.abs())
        };
        points.iter().all(matches) && points.iter().any(|p| constant(p.shape).abs() > 1e-3 * p.recon.abs())
    };
    for law in outer {
        let Some(outer) = law.single() else { continue };
        match (recon.joint, recon.energy) {
            (Joint::Mean, Energy::Squared) if plain && own.halves == outer.halves => {
                let sigma2 = tidy(0.5 / own.factor, 1e-6);
                if explains(&|s| law.at(s) * 0.5 * s.pixels as f64 * (2.0 * PI * sigma2).ln()) {
                    return Likelihood::Gaussian { sigma2, weight: law };
                }
            }
            (Joint::Mean, Energy::Absolute) if plain && own.halves == outer.halves => {
                let scale = tidy(1.0 / own.factor, 1e-6);
                if explains(&|s| law.at(s) * s.pixels as f64 * (2.0 * scale).ln()) {
                    return Likelihood::Laplace { scale, weight: law };
                }
            }
            (Joint::LogOfBatch, Energy::Squared)
                if plain
                    && own.factor == 0.5
                    && own.halves[1] == outer.halves[1] + 2
                    && own.halves[0] == outer.halves[0]
                    && explains(&|s| law.at(s) * 0.5 * s.pixels as f64 * ((2.0 * PI).ln() + 1.0)) =>
            {
                return Likelihood::GaussianOptimal { weight: law };
            }
            _ => {}
        }
    }
    Likelihood::None
}

/// What twice the value of each parameter does to a and b.
fn parameters(session: &mut Session<'_>, forms: &Forms, first: Measured) -> Result<Vec<Parameter>, Stop> {
    let mut found = Vec::new();
    for (name, value) in session.parameters() {
        let (low, high) = if value == 0.0 { (1.0, 2.0) } else { (value, 2.0 * value) };
        let mut at = |v: f64| measure(session, forms, first.shape, Some(&(name.clone(), v)));
        let before = if value == 0.0 { at(low) } else { Ok(first) };
        let effect = match (before, at(high)) {
            (Err(Stop::Broken(error)), _) | (_, Err(Stop::Broken(error))) => return Err(Stop::Broken(error)),
            (Err(_), _) | (_, Err(_)) => Effect::Form,
            (Ok(low), Ok(high)) => {
                let power = |a: f64, b: f64| {
                    if a == 0.0 && b == 0.0 {
                        return Some(0.0);
                    }
                    let power = (b / a).log2();
                    let near = (2.0 * power).round() / 2.0;
                    ((power - near).abs() < 1e-3).then_some(near)
                };
                match (power(low.recon, high.recon), power(low.kl, high.kl)) {
                    (Some(recon), Some(kl)) if kl != 0.0 || recon != 0.0 || low.nats == high.nats => {
                        Effect::Powers { recon, kl }
                    }
                    _ => Effect::Otherwise,
                }
            }
        };
        found.push(Parameter { name, value, effect });
    }
    Ok(found)
}

/// The other numbers that are returned, as combinations of the same two terms.
fn parts(session: &mut Session<'_>, base: &Inputs, forms: &Forms) -> Result<Vec<PartFound>, Stop> {
    let names = {
        let reply = session.reply(base)?;
        session.other_parts(&reply)
    };
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (mut recon, mut kl, mut replies) = (Vec::new(), Vec::new(), Vec::new());
    for k in 0..8 {
        let mut inputs = base.clone();
        inputs.redraw_pixels(500 + k, PixelRegime::Unit);
        inputs.redraw_latents(510 + k, LatentRegime::Positive);
        recon.push(forms.recon.value(&inputs));
        kl.push(forms.kl.as_ref().map_or(0.0, |form: &KlForm| form.value(&inputs)));
        replies.push(session.reply(&inputs)?);
    }
    let found = names.into_iter().map(|(i, name)| {
        let values: Vec<f64> = replies.iter().filter_map(|reply| Some(reply.parts.get(i)?.value)).collect();
        let fit = if values.len() == replies.len() { linear(&[recon.clone(), kl.clone()], &values) } else { None };
        let weights = fit.filter(|fit| fit.residual <= 10.0 * AGREES).map(|fit| {
            let clean = |v: f64, other: f64| if v.abs() < 1e-6 * other.abs() { 0.0 } else { tidy(v, 1e-5) };
            let (a, b) = (fit.coefficients[0], fit.coefficients[1]);
            (clean(a, b), clean(b, a))
        });
        PartFound { name, weights }
    });
    Ok(found.collect())
}

/// What differs outside of the range of ordinary pixels: a clamp, or a loss that is squared only near 0.
fn notes(session: &mut Session<'_>, base: &Inputs, claim: &Claim<'_>) -> Result<Vec<String>, Stop> {
    let mut notes = Vec::new();
    let mut wide = base.clone();
    wide.redraw_pixels(600, PixelRegime::Wide);
    let recon = claim.forms.recon;
    let said = claim.recon.at(base.shape) * (recon.value(&wide) - recon.value(base));
    if !said.is_finite() {
        return Ok(notes);
    }
    let here = session.ask(base)?;
    match session.ask(&wide) {
        Ok(value) if (value - here - said).abs() > 1e-4 * said.abs() + UNITS * session.rounding * value.abs() => {
            notes.push(
                "reconstructions outside of [0, 1] are treated otherwise: clipped, or by a loss that is this one for small \
                 errors alone"
                    .to_owned(),
            );
        }
        Ok(_) | Err(Stop::Raised(_) | Stop::Refused(_)) => {}
        Err(Stop::Broken(error)) => return Err(Stop::Broken(error)),
    }
    Ok(notes)
}
