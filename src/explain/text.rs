//! The explanation in words.

use super::constraint::{Constraint, Method};
use super::expectation::Expected;
use super::explanation::Explanation;
use super::lines::Lines;
use crate::objective::{EffectiveWeight, Measure};
use crate::text::significant;

/// The whole explanation for a person.
pub fn to_text(e: &Explanation) -> String {
    let mut lines = Lines::headed(e.preset.as_deref(), e.source.iter().chain(&e.note));
    let mut line = |name: &str, text: String| lines.add(name, &text);
    line("objective", e.formula.clone());
    line("", symbols(e));
    let on = if e.loss.is_weighted_directly() { e.measure.symbol() } else { "the logarithm" };
    line("weights", format!("a = {} on {on}, b = {} on K", significant(e.recon_weight), significant(e.kl_weight)));
    line("effective", effective(e));
    if let Some(constraint) = &e.constraint {
        for (i, text) in constraint.lines(e.measure.symbol(), e.floor).into_iter().enumerate() {
            line(if i == 0 { "constraint" } else { "" }, text);
        }
    }
    if let Some(risen) = e.warmup_at_end.filter(|&risen| risen < 1.0) {
        let now = e.effective().map_or_else(
            || format!("{} of that", significant(risen)),
            |weight| format!("{} {}", weight.ascii_symbol(), significant(weight.value() * risen)),
        );
        line("", format!("that is after the warm-up, which this run does not reach: at its end, {now}"));
    }
    if let (Some(canonical), Some(scale)) = (&e.canonical, e.scale) {
        let times = if scale == 1.0 { String::new() } else { format!(", times {}", significant(scale)) };
        line("the same as", format!("{canonical}{times}"));
        if scale != 1.0 {
            line("", "a common factor changes the step of SGD; Adam hardly sees it".to_owned());
        }
    }
    match (e.beta_for_one, e.measure) {
        (Some(beta), _) if (e.beta_effective.unwrap_or(1.0) - 1.0).abs() > 1e-9 => {
            line("for beta 1", format!("write --beta {} here, or use --reduction sum --beta 1", significant(beta)));
        }
        (Some(_), _) => line("for beta 1", "nothing to change".to_owned()),
        (None, Measure::SquaredError) => line(
            "for beta 1",
            "squared error has no sigma, so no beta: use --loss gaussian --sigma2 X, or gaussian-learned, with \
             --reduction sum --beta 1"
                .to_owned(),
        ),
        (None, Measure::Mass | Measure::Density | Measure::GreyMass) => {}
    }
    if let Some(expected) = &e.expected {
        for (i, text) in predicted(e, expected).into_iter().enumerate() {
            line(if i == 0 { "expect" } else { "" }, text);
        }
    }
    if let Some(reason) = &e.not_predicted {
        line("expect", format!("not predicted, because {reason}"));
    }
    if let Some(carried) = &e.carried {
        let name = match e.measure {
            Measure::SquaredError => EffectiveWeight::BetaSigma2(0.0).ascii_symbol(),
            Measure::Mass | Measure::Density | Measure::GreyMass => EffectiveWeight::Beta(0.0).ascii_symbol(),
        };
        let effective = carried.effective.map_or_else(|| "not fixed".to_owned(), significant);
        line("elsewhere", format!("on images of {} pixels these settings make {name} {effective}", carried.pixels));
        if let Some(beta) = carried.beta_to_keep {
            line("", format!("to keep what {} pixels have, write --beta {} there", e.pixels, significant(beta)));
        }
    }
    match e.measure {
        Measure::Density => line(
            "sign",
            "R is the negative log of a density, which can exceed 1: R and -ELBO can be negative, and lower is still better"
                .to_owned(),
        ),
        Measure::Mass | Measure::GreyMass | Measure::SquaredError => {}
    }
    lines.text()
}

fn symbols(e: &Explanation) -> String {
    let recon = match e.measure {
        Measure::SquaredError => format!("S: squared error per image, summed over its {} pixels", e.pixels),
        Measure::Mass | Measure::Density | Measure::GreyMass => {
            format!("R: -log p(x|z) per image, summed over its {} pixels", e.pixels)
        }
    };
    format!("{recon}; K: KL per image, summed over its {} latents; both averaged over images", e.latent_dim)
}

fn effective(e: &Explanation) -> String {
    let mut parts = Vec::new();
    if let Some(beta) = e.beta_effective {
        parts.push(format!("beta = b/a = {}", significant(beta)));
        parts.extend(e.beta_norm.map(|norm| format!("beta_norm = beta*d/D = {}", significant(norm))));
    }
    if let Some(value) = e.beta_sigma2 {
        let how = match e.measure {
            Measure::SquaredError => " = b/(2a)",
            Measure::Mass | Measure::Density | Measure::GreyMass => "",
        };
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
        let why = match &e.constraint {
            None => "none: a capacity pulls K both ways, with gamma in front",
            Some(Constraint { method: Method::Geco, .. }) => {
                "found while training: b / (a lambda), lambda in the column `multiplier`"
            }
            Some(Constraint { method: Method::ControlVae, .. }) => {
                "found while training: beta b / a, beta in the column `multiplier`"
            }
        };
        parts.push(why.to_owned());
    }
    parts.join("; ")
}

fn predicted(e: &Explanation, expected: &Expected) -> Vec<String> {
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
    if let (Some(multiplier), Some(constraint)) = (expected.multiplier, &e.constraint) {
        let name = match constraint.method {
            Method::Geco => "lambda",
            Method::ControlVae => "beta",
        };
        lines.push(format!("its {name} comes to {}", significant(multiplier)));
    }
    if let Some(floor) = expected.collapsed_floor {
        let symbol = e.measure.symbol();
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
