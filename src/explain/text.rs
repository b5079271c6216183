//! The explanation in words.

use super::{Expected, Explanation};
use crate::objective::{
    Constraint, Factor, KlEstimator, Likelihood, LogMseScale, Measure, Objective, Reduction, Weights,
};
use crate::spec::{RunSpec, Strength};
use crate::text::significant;

/// The objective as the code base writes it, then with its numbers put in.
pub(super) fn formula(spec: &RunSpec, objective: &Objective, weights: Weights) -> String {
    let chosen = spec.objective();
    let reduced = |reduction: Reduction, over: &str| match reduction {
        Reduction::Sum => format!("sum_{over} mean_batch"),
        Reduction::Mean => format!("mean_{over} mean_batch"),
        Reduction::BatchSum => format!("sum_{over} sum_batch"),
    };
    let factor = |factor: Factor| match factor {
        Factor::Number(1.0) => String::new(),
        other => format!("{other} * "),
    };
    let term = match objective.likelihood {
        Likelihood::Bernoulli => "bce".to_owned(),
        Likelihood::ContinuousBernoulli => "continuous-bernoulli-nll".to_owned(),
        Likelihood::SquaredError => "(x - x^)^2".to_owned(),
        Likelihood::Gaussian { sigma2 } => format!("gaussian-nll(sigma2 = {sigma2})"),
        Likelihood::GaussianLearned => "gaussian-nll(sigma learned)".to_owned(),
        Likelihood::GaussianOptimal => "gaussian-nll(sigma2 = MSE)".to_owned(),
        Likelihood::LogMse { scale: LogMseScale::Bare } => "log(MSE)".to_owned(),
        Likelihood::LogMse { scale: LogMseScale::HalfPixels } => "D/2 * log(MSE)".to_owned(),
        Likelihood::Laplace { scale } => format!("laplace-nll(scale = {scale})"),
    };
    let kl = match chosen.kl_estimator {
        KlEstimator::Analytic => "kl",
        KlEstimator::MonteCarlo => "(log q(z|x) - log p(z))",
    };
    let kl = format!("{}{} {kl}", factor(chosen.kl_weight), reduced(chosen.kl_reduction, "latents"));
    let (pull, symbol) = match chosen.strength {
        Strength::Beta { beta, warmup, .. } => {
            let rising = warmup.map_or_else(String::new, |rise| format!(" (rising {rise})"));
            (format!("{beta}{rising} * {kl}"), "K".to_owned())
        }
        Strength::Capacity { gamma, nats, rise } => {
            let rising = rise.map_or_else(String::new, |rise| format!(" rising {rise}"));
            (format!("{gamma} * |{kl} - C|"), format!("|K - {nats}{rising}|"))
        }
    };
    let symbol = match objective.constraint {
        Constraint::FreeBits(free) => format!("K with free bits {free}"),
        Constraint::None | Constraint::Capacity { .. } => symbol,
    };
    let r = match (objective.likelihood, objective.likelihood.loss().measure()) {
        (Likelihood::LogMse { .. }, _) => term.clone(),
        (_, Measure::SquaredError) => "S".to_owned(),
        _ => "R".to_owned(),
    };
    let reduced_term = match objective.likelihood {
        Likelihood::LogMse { .. } => format!("{}{term}", factor(chosen.recon_weight)),
        _ => format!("{}{} {term}", factor(chosen.recon_weight), reduced(chosen.reduction, "pixels")),
    };
    format!(
        "{reduced_term}  +  {pull}  =  {} * {r}  +  {} * {symbol}",
        significant(weights.recon),
        significant(weights.kl)
    )
}

/// The whole explanation for a person.
pub fn to_text(e: &Explanation) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: String| out.push_str(&format!("{name:<12} {text}\n"));
    if let Some(preset) = &e.preset {
        line("preset", preset.clone());
        for text in e.source.iter().chain(&e.note) {
            line("", text.clone());
        }
    }
    line("objective", e.formula.clone());
    line("", symbols(e));
    line(
        "weights",
        format!("a = {} on {}, b = {} on K", significant(e.recon_weight), symbol(e), significant(e.kl_weight)),
    );
    line("effective", effective(e));
    if let (Some(canonical), Some(scale)) = (&e.canonical, e.scale) {
        let times = if scale == 1.0 { String::new() } else { format!(", times {}", significant(scale)) };
        line("the same as", format!("{canonical}{times}"));
        if scale != 1.0 {
            line("", "a common factor changes the step of SGD; Adam hardly sees it".to_owned());
        }
    }
    match e.beta_for_one {
        Some(beta) if (e.beta_effective.unwrap_or(1.0) - 1.0).abs() > 1e-9 => {
            line("for beta 1", format!("write --beta {} here, or use --reduction sum --beta 1", significant(beta)));
        }
        Some(_) => line("for beta 1", "nothing to change".to_owned()),
        None if e.measure == "squared-error" => line(
            "for beta 1",
            "squared error has no sigma, so no beta: use --loss gaussian --sigma2 X, or gaussian-learned, with \
             --reduction sum --beta 1"
                .to_owned(),
        ),
        None => {}
    }
    if let Some(expected) = &e.expected {
        for (i, text) in expectation(e, expected).into_iter().enumerate() {
            line(if i == 0 { "expect" } else { "" }, text);
        }
    }
    if let Some(carried) = &e.carried {
        let name = if e.measure == "squared-error" { "beta*sigma^2" } else { "the effective beta" };
        let effective = carried.effective.map_or_else(|| "not fixed".to_owned(), significant);
        line("elsewhere", format!("on images of {} pixels these settings make {name} {effective}", carried.pixels));
        if let Some(beta) = carried.beta_to_keep {
            line("", format!("to keep what {} pixels have, write --beta {} there", e.pixels, significant(beta)));
        }
    }
    if e.measure == "density" {
        line(
            "sign",
            "R is the negative log of a density, which can exceed 1: R and -ELBO can be negative, and lower is still better"
                .to_owned(),
        );
    }
    out
}

fn symbol(e: &Explanation) -> &'static str {
    match (e.loss.as_str(), e.measure.as_str()) {
        ("log-mse", _) => "the logarithm",
        (_, "squared-error") => "S",
        _ => "R",
    }
}

fn symbols(e: &Explanation) -> String {
    let recon = if e.measure == "squared-error" {
        format!("S: squared error of an image, summed over its {} pixels", e.pixels)
    } else {
        format!("R: -log p(x|z) of an image, summed over its {} pixels", e.pixels)
    };
    format!("{recon}; K: KL of an image, summed over its {} latents; both averaged over images", e.latent_dim)
}

fn effective(e: &Explanation) -> String {
    let mut parts = Vec::new();
    if let Some(beta) = e.beta_effective {
        parts.push(format!("beta = b/a = {}", significant(beta)));
    }
    if let Some(value) = e.beta_sigma2 {
        let how = if e.measure == "squared-error" { " = b/(2a)" } else { "" };
        parts.push(format!("beta*sigma^2{how} = {}", significant(value)));
    }
    if let Some(per_mse) = e.beta_sigma2_per_mse {
        let text = match significant(per_mse).as_str() {
            "1" => "beta*sigma^2 = MSE: sigma follows the error, and beta is 1".to_owned(),
            factor => format!("beta*sigma^2 = {factor} * MSE, {factor} times what a fitted sigma at beta 1 has"),
        };
        parts.push(text);
    }
    if parts.is_empty() {
        parts.push("none: a capacity pulls K both ways, with gamma in front".to_owned());
    }
    parts.join("; ")
}

fn expectation(e: &Explanation, expected: &Expected) -> Vec<String> {
    let mut lines = vec![format!("on {}: {}", expected.data, expected.rule)];
    let (threshold, largest) = (significant(expected.threshold), significant(expected.collapses_above));
    if expected.active_units == 0 {
        lines.push(format!("COLLAPSE: {threshold} is above the largest eigenvalue, {largest}; no latent survives"));
    } else {
        lines.push(format!(
            "{} of {} latents survive at {threshold} (the largest eigenvalue is {largest}: above it, none would)",
            expected.active_units, e.latent_dim
        ));
    }
    if let (Some(recon), Some(kl)) = (expected.recon, expected.kl) {
        lines.push(format!("a linear VAE ends at S = {recon:.3}, K = {kl:.3}; a deeper one does better in S"));
    }
    if let Some(floor) = expected.collapsed_floor {
        let symbol = if e.measure == "squared-error" { "S" } else { "R" };
        lines.push(format!("a collapsed model ends at test {symbol} = {floor:.3}, K = 0: the average image"));
    }
    lines
}

/// One KL taken apart: KL(N(mean, exp(logvar)) || N(0, 1)).
pub fn kl_text(mean: f64, logvar: f64) -> String {
    let (square, variance) = (mean * mean, logvar.exp());
    let kl = 0.5 * (square + logvar.exp_m1() - logvar);
    format!(
        "KL(N({mean}, {variance}) || N(0, 1)) = 1/2 * (mean^2 + sigma^2 - 1 - ln sigma^2)\n\
         \x20 mean^2            {square}\n\
         \x20 sigma^2           {variance}   (exp of logvar {logvar}; sigma {})\n\
         \x20 -1                -1\n\
         \x20 -ln sigma^2       {}\n\
         \x20 sum / 2           {kl} nats, never negative\n",
        (0.5 * logvar).exp(),
        0.0 - logvar
    )
}
