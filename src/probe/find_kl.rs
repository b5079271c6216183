//! Which KL: with pixels held, the values follow one hypothesis.

use super::design::{Inputs, LatentRegime};
use super::finding::Scored;
use super::fit::{linear, spread};
use super::kl_form::{Coefficients, Estimate, KlForm, Limit, Reading};
use super::law::{Law, tidy};
use super::session::{Session, Stop, UNITS, refused_with};

const DESIGNS: u64 = 14;

/// A KL that is linear in its features where it was measured.
struct Linear {
    reading: Reading,
    coefficients: Coefficients,
    weight: f64,
    constant: f64,
    /// The largest value that it was measured with.
    size: f64,
    scores: Vec<Scored>,
}

/// The hypothesis that holds, and the residuals of all, best first; none where nothing depends on the posterior.
pub(super) fn find_kl(session: &mut Session<'_>, base: &Inputs) -> Result<Option<(KlForm, Vec<Scored>)>, Stop> {
    let positive = measured(session, base, LatentRegime::Positive)?;
    let large = measured(session, base, LatentRegime::Large)?;
    if spread(&positive.1) == 0.0 && spread(&large.1) == 0.0 {
        return Ok(None);
    }
    let near = shape_of(session, &positive)?;
    let fit = match near {
        Ok(fit) if fit.continues(session, &large) => fit,
        // Where some amount is free, or below a capacity, only large KLs show the line.
        near => match (shape_of(session, &large)?, near) {
            (Ok(fit), _) => fit,
            (Err(_), Ok(fit)) => return Err(refused_with(unknown(session, base)?, fit.scores)),
            (Err(_), Err(nearest)) => return Err(refused_with(unknown(session, base)?, nearest)),
        },
    };
    let plain =
        KlForm { reading: fit.reading, coefficients: fit.coefficients, limit: Limit::None, estimate: Estimate::Closed };
    let mut at_prior = base.clone();
    at_prior.set_latents(0.0, fit.reading.prior());
    let value = session.ask(&at_prior)?;
    let excess = (value - fit.constant) / fit.weight - plain.value(&at_prior);
    if excess.abs() <= UNITS * session.rounding * (value.abs() + fit.size) / fit.weight.abs() + 1e-5 {
        return Ok(Some((plain, fit.scores)));
    }
    limited(session, base, &plain, excess).map(Some)
}

type Values = (Vec<Inputs>, Vec<f64>);

impl Linear {
    /// Whether these values lie on the same line.
    fn continues(&self, session: &Session<'_>, (designs, values): &Values) -> bool {
        let form = KlForm {
            reading: self.reading,
            coefficients: self.coefficients,
            limit: Limit::None,
            estimate: Estimate::Closed,
        };
        let off = |(inputs, value): (&Inputs, &f64)| (self.constant + self.weight * form.value(inputs) - value).abs();
        let worst = designs.iter().zip(values).map(off).fold(0.0, f64::max);
        let size = values.iter().map(|v| (v - self.constant).abs()).fold(0.0, f64::max);
        // The weight is known to what rounding leaves of the values that it was measured with.
        let known = UNITS * session.rounding * self.size / (self.weight.abs() * 0.1).max(f64::MIN_POSITIVE);
        worst <= (1e-4 + known).min(0.1) * size
    }
}

fn measured(session: &mut Session<'_>, base: &Inputs, regime: LatentRegime) -> Result<Values, Stop> {
    let designs: Vec<Inputs> = (0..DESIGNS)
        .map(|k| {
            let mut inputs = base.clone();
            inputs.redraw_latents(200 + k, regime);
            inputs
        })
        .collect();
    let values = designs.iter().map(|inputs| session.ask(inputs)).collect::<Result<Vec<f64>, Stop>>()?;
    Ok((designs, values))
}

/// The reading and the coefficients that hold for these values, or the residuals of all readings.
fn shape_of(session: &Session<'_>, (designs, values): &Values) -> Result<Result<Linear, Vec<Scored>>, Stop> {
    if spread(values) == 0.0 {
        return Ok(Err(Vec::new()));
    }
    let tolerance = session.tolerance(values);
    if tolerance > 1e-2 {
        return Err(super::session::refused(format!(
            "the posterior's part is lost in rounding: it moves the loss by {:e} of {:e}",
            spread(values),
            values[0].abs()
        )));
    }
    let mut fits: Vec<(Reading, super::fit::Fit, Vec<Vec<f64>>)> = Reading::ALL
        .into_iter()
        .filter_map(|reading| {
            let rows: Vec<[f64; 3]> = designs.iter().map(|inputs| reading.features(inputs)).collect();
            let features: Vec<Vec<f64>> = (0..3).map(|i| rows.iter().map(|row| row[i]).collect()).collect();
            Some((reading, linear(&features, values)?, features))
        })
        .collect();
    fits.sort_by(|a, b| a.1.residual.total_cmp(&b.1.residual));
    let scores: Vec<Scored> = fits
        .iter()
        .map(|(reading, fit, _)| Scored {
            name: format!("1/2*(mean^2 + var - ln var - 1) of {}", reading.phrase()),
            residual: fit.residual,
        })
        .collect();
    // Among those that fit, the first in the order of the list: readings are the same where a term is missing.
    let best = Reading::ALL
        .into_iter()
        .find_map(|reading| fits.iter().find(|(r, fit, _)| *r == reading && fit.residual <= tolerance));
    let Some((reading, fit, features)) = best else { return Ok(Err(scores)) };
    // What a coefficient moves, of the whole range, is what it is known to.
    let part = |i: usize| (fit.coefficients[i] * spread(&features[i]) / spread(values)).abs();
    let known = |i: usize| if part(i) <= 30.0 * tolerance.min(1e-3) { 0.0 } else { fit.coefficients[i] };
    let raw = [known(0), known(1), known(2)];
    let unit = if raw[0] != 0.0 {
        raw[0]
    } else if raw[1] != 0.0 {
        raw[1]
    } else {
        -raw[2]
    };
    let relative = |i: usize| {
        let precision = 10.0 * (fit.residual.max(session.rounding * UNITS) / part(i).max(1e-9)).max(1e-7);
        tidy(raw[i] / unit, precision.min(2e-2))
    };
    Ok(Ok(Linear {
        reading: *reading,
        coefficients: Coefficients { mean_square: relative(0), variance: relative(1), log_variance: relative(2) },
        weight: 2.0 * unit,
        constant: fit.coefficients[3] + unit * designs[0].shape.latents as f64,
        size: values.iter().map(|v| v.abs()).fold(0.0, f64::max),
        scores,
    }))
}

/// What is free, or the capacity, from how far the loss at K = 0 exceeds the line that large KLs follow.
fn limited(
    session: &mut Session<'_>,
    base: &Inputs,
    plain: &KlForm,
    excess: f64,
) -> Result<(KlForm, Vec<Scored>), Stop> {
    let latents = base.shape.latents;
    let regime = LatentRegime::Around { nats: (excess / latents as f64).abs(), prior: plain.reading.prior() };
    let (designs, values) = measured(session, base, regime)?;
    let tolerance = session.tolerance(&values);
    let mut fits: Vec<(KlForm, f64)> = Limit::kinds()
        .into_iter()
        .filter_map(|kind| {
            let amount = kind.amount(excess, latents);
            let form = KlForm { limit: kind.with(Law::constant(amount)), ..plain.clone() };
            let feature: Vec<f64> = designs.iter().map(|inputs| form.value(inputs)).collect();
            Some((form, linear(&[feature], &values)?.residual))
        })
        .collect();
    fits.sort_by(|a, b| a.1.total_cmp(&b.1));
    let scores: Vec<Scored> =
        fits.iter().map(|(form, residual)| Scored { name: form.symbol(), residual: *residual }).collect();
    match fits.as_slice() {
        [(_, first), (_, second), ..] if *first <= tolerance && *second <= 5.0 * tolerance => {
            Err(refused_with("two ways of limiting the KL fit equally well, so neither is claimed", scores))
        }
        [(form, first), ..] if *first <= tolerance => Ok((form.clone(), scores)),
        _ => Err(refused_with(
            format!(
                "not a weighting: the KL is linear where it is large and {} it by {} nats per image at K = 0, which no kind \
                 of free bits or capacity explains",
                if excess > 0.0 { "exceeds" } else { "falls below" },
                crate::text::significant(excess.abs())
            ),
            scores,
        )),
    }
}

/// What can be said of a term of the posterior that is none of the hypotheses.
fn unknown(session: &mut Session<'_>, base: &Inputs) -> Result<String, Stop> {
    let mut prior = base.clone();
    prior.set_latents(0.0, 1.0);
    let here = session.ask(&prior)?;
    let last = base.mean.len() - 1;
    let mut change = |cells: &[usize], mean: f64| {
        let mut inputs = prior.clone();
        for &cell in cells {
            inputs.mean[cell] = mean;
        }
        session.ask(&inputs).map(|value| value - here)
    };
    let (one, other, both) = (change(&[0], 1.5)?, change(&[last], 1.5)?, change(&[0, last], 1.5)?);
    let size = one.abs() + other.abs() + 1e-12;
    if (one + other - both).abs() > 1e-3 * size {
        return Ok("its second term depends on the batch beyond the KL of each image: images interact in it".to_owned());
    }
    if (one - other).abs() > 1e-3 * size {
        return Ok("its second term weighs latents or images differently".to_owned());
    }
    let (double, far) = (change(&[0], 3.0)?, change(&[0], 300.0)?);
    if far.abs() < 20.0 * double.abs() {
        let all: Vec<usize> = (0..=last).collect();
        return Ok(format!(
            "not a weighting: the second term saturates at {} for a latent whose mean is far from 0",
            crate::text::significant(change(&all, 1e5)? / base.shape.latents as f64)
        ));
    }
    if (double - 4.0 * one).abs() > 1e-3 * double.abs() {
        return Ok("its second term is not quadratic in the means, as every Gaussian KL is".to_owned());
    }
    Ok("its second term has the mean's square, but its dependence on the other output is none of those known"
        .to_owned())
}
