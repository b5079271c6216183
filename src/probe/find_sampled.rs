//! A KL that is estimated from a sample: log q(z|x) - log p(z), z = mean + sigma * noise.
//!
//! The noise is held by the seed and stays unknown. In units of the weight, a latent contributes
//! 1/2 * (mean + sigma*e)^2 - 1/2 * e^2 - 1/2 * ln sigma^2: even in the mean it is mean^2 beyond its value at 0, whatever e is,
//! and at mean 0 it is e^2/2 * (sigma^2 - 1) - 1/2 * ln sigma^2.

use super::design::{Inputs, LatentRegime};
use super::finding::Scored;
use super::fit::linear;
use super::kl_form::{Coefficients, Estimate, KlForm, Limit, Reading};
use super::law::tidy;
use super::session::{Session, Stop, UNITS, refused_with};

const READINGS: [Reading; 4] = [Reading::LogVariance, Reading::LogDeviation, Reading::Deviation, Reading::Variance];

/// Whether the loss changes when the means change sign, as only a sample does.
pub(super) fn is_odd(session: &mut Session<'_>, base: &Inputs) -> Result<bool, Stop> {
    let mut inputs = base.clone();
    inputs.redraw_latents(300, LatentRegime::Positive);
    let mut mirrored = inputs.clone();
    mirrored.mean.iter_mut().for_each(|mean| *mean = -*mean);
    let (here, there) = (session.ask(&inputs)?, session.ask(&mirrored)?);
    let mut other = base.clone();
    other.redraw_latents(302, LatentRegime::Positive);
    let range = (session.ask(&other)? - here).abs();
    Ok((here - there).abs() > 10.0 * UNITS * session.rounding * here.abs() + 1e-6 * range)
}

/// The sum of the loss at means m and -m beyond twice its value at 0, and the mean over images of the sum of m^2.
pub(super) fn even_part(session: &mut Session<'_>, base: &Inputs, reading: Reading) -> Result<(f64, f64), Stop> {
    let mut inputs = base.clone();
    inputs.redraw_latents(301, LatentRegime::Positive);
    inputs.logvar.fill(reading.prior());
    let squares = inputs.mean.iter().map(|m| m * m).sum::<f64>() / base.shape.batch as f64;
    let up = session.ask(&inputs)?;
    inputs.mean.iter_mut().for_each(|mean| *mean = -*mean);
    let down = session.ask(&inputs)?;
    inputs.mean.fill(0.0);
    Ok((up + down - 2.0 * session.ask(&inputs)?, squares))
}

/// The sampled KL, where it is one.
pub(super) fn find_sampled(session: &mut Session<'_>, base: &Inputs) -> Result<(KlForm, Vec<Scored>), Stop> {
    let mut scores = Vec::new();
    let mut found = None;
    for reading in READINGS {
        let (even, squares) = match even_part(session, base, reading) {
            // Not a number at this reading's prior: it is another.
            Err(Stop::Refused(_)) => continue,
            known => known?,
        };
        let weight = even / squares / base.shape.batch as f64;
        let mut worst = 0.0f64;
        let mut log_weight = None;
        for cell in [0, base.mean.len() - 1] {
            let (residual, log) = one_latent(session, base, reading, cell, weight)?;
            worst = worst.max(residual);
            log_weight = log_weight.or(log);
        }
        scores.push(Scored { name: format!("log q(z|x) - log p(z) of {}", reading.phrase()), residual: worst });
        if let Some(log_variance) = log_weight.filter(|_| worst <= 1e-4 && found.is_none()) {
            let coefficients = Coefficients { log_variance, ..Coefficients::KL };
            found = Some(KlForm { reading, coefficients, limit: Limit::None, estimate: Estimate::Sampled });
        }
    }
    scores.sort_by(|a, b| a.residual.total_cmp(&b.residual));
    match found {
        Some(form) => Ok((form, scores)),
        None => Err(refused_with(
            "its second term changes with the sign of the means, as a sampled KL does, but it is not log q(z|x) - log p(z) of a \
             Gaussian",
            scores,
        )),
    }
}

/// The residual of the hypothesis for one latent, and the coefficient on its ln sigma^2.
pub(super) fn one_latent(
    session: &mut Session<'_>,
    base: &Inputs,
    reading: Reading,
    cell: usize,
    weight: f64,
) -> Result<(f64, Option<f64>), Stop> {
    let mut inputs = base.clone();
    inputs.set_latents(0.0, reading.prior());
    let here = session.ask(&inputs)?;
    let arguments = [0.2, 0.5, 0.9, 1.3, 1.7, 2.1];
    let (mut values, mut variances, mut logs) = (Vec::new(), Vec::new(), Vec::new());
    for argument in arguments {
        inputs.logvar[cell] = argument;
        values.push(session.ask(&inputs)? - here);
        let single = Inputs {
            shape: super::design::Shape { batch: 1, pixels: 0, latents: 1 },
            recon: Vec::new(),
            x: Vec::new(),
            mean: vec![0.0],
            logvar: vec![argument],
            noise: Vec::new(),
            ..inputs.clone()
        };
        let [_, variance, log] = reading.features(&single);
        variances.push(variance);
        logs.push(log);
    }
    let variances_at_last = variances[5];
    let Some(fit) = linear(&[variances, logs], &values) else { return Ok((f64::INFINITY, None)) };
    // A residual beyond rounding of the whole loss counts.
    let range = super::fit::spread(&values);
    let noise = UNITS * session.rounding * here.abs() / range;
    let log = fit.coefficients[1] / (0.5 * weight);
    let log = if log.abs() < 1e-5 { 0.0 } else { tidy(log, (10.0 * noise).clamp(1e-6, 1e-2)) };
    let squared_noise = fit.coefficients[0] / (0.5 * weight);
    // What is odd in the mean is weight * mean * sigma * e: it follows sigma, as the shifted mean of a prior does not.
    let mut odd = |argument: f64| -> Result<f64, Stop> {
        inputs.logvar[cell] = argument;
        inputs.mean[cell] = 2.0;
        let up = session.ask(&inputs)?;
        inputs.mean[cell] = -2.0;
        let down = session.ask(&inputs)?;
        inputs.mean[cell] = 0.0;
        Ok((up - down) / (4.0 * weight))
    };
    let (at_prior, at_last) = (odd(reading.prior())?, odd(arguments[5])?);
    let sigma = variances_at_last.sqrt();
    let slack = 4.0 * UNITS * session.rounding * here.abs() / weight.abs() + 1e-5;
    let follows = (at_last - at_prior * sigma).abs() <= slack * (1.0 + sigma);
    // The mean of squares is no less than the square of the mean, over however many samples.
    let possible = squared_noise + slack >= at_prior * at_prior * (1.0 - 1e-3);
    let residual = if follows && possible { (fit.residual - noise).max(0.0) } else { f64::INFINITY };
    Ok((residual, Some(log)))
}
