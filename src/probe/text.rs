//! A finding in words.

use super::design::Shape;
use super::finding::{Effect, Finding, Fixed, Likelihood, Refusal, Scored};
use super::kl_form::{KlForm, Limit, Reading};
use super::law::Law;
use super::recon_form::{Energy, Joint};
use crate::text::significant;

/// Name and text, as `explain` lays them out.
pub type Line = (&'static str, String);

/// a * R + b * K with its laws.
pub fn formula(of: &Finding) -> String {
    let product = |law: &Law, symbol: &str| match law.0.as_slice() {
        [] => "0".to_owned(),
        [one] if one.factor == 1.0 && one.halves == [0; 3] => symbol.to_owned(),
        [one] => format!("{one} * {symbol}"),
        _ => format!("({law}) * {symbol}"),
    };
    let mut text = product(&of.recon_weight, of.recon.symbol());
    if let Some(kl) = &of.kl {
        text = format!("{text}  +  {}", product(&of.kl_weight, &kl.symbol()));
    }
    match &of.constant {
        Some(law) if !law.is_zero() => format!("{text}  +  {law}"),
        Some(_) => text,
        None => format!("{text}  +  a constant"),
    }
}

/// b/a for a likelihood, b/(2a) for a squared error, as a law.
pub fn effective(of: &Finding) -> Option<Law> {
    let ratio = of.kl_weight.over(&weight_on_nll(of))?;
    match (of.recon.energy, of.recon.joint) {
        (Energy::Squared, Joint::Mean) if !is_gaussian(of) => Some(ratio.times(0.5)),
        (_, Joint::Mean) => Some(ratio),
        (_, Joint::LogOfBatch | Joint::LogOfImage | Joint::RootOfBatch | Joint::RootOfImage) => None,
    }
}

fn is_gaussian(of: &Finding) -> bool {
    matches!(of.likelihood, Likelihood::Gaussian { .. } | Likelihood::GaussianOptimal { .. })
}

/// a on the negative log-likelihood, where it is one.
fn weight_on_nll(of: &Finding) -> Law {
    match &of.likelihood {
        Likelihood::None => of.recon_weight.clone(),
        Likelihood::Gaussian { weight, .. }
        | Likelihood::GaussianOptimal { weight }
        | Likelihood::Laplace { weight, .. } => weight.clone(),
    }
}

/// What was found, line by line. `named` is what the arguments' names say of the last one: "log variance", "log sigma", ...
pub fn lines(of: &Finding, named: &str) -> Vec<Line> {
    let mut all: Vec<Line> = vec![("found", formula(of))];
    all.push(("  recon", format!("{}: {}", of.recon.symbol(), of.recon)));
    match &of.likelihood {
        Likelihood::None => {}
        Likelihood::Gaussian { sigma2, weight } => {
            let sigma2 = significant(*sigma2);
            all.push(("", format!("with its constant it is {weight} * the Gaussian NLL at sigma^2 = {sigma2}")));
        }
        Likelihood::GaussianOptimal { weight } => {
            all.push(("", format!("with its constant it is {weight} * the Gaussian NLL at sigma^2 = MSE")));
        }
        Likelihood::Laplace { scale, weight } => {
            let scale = significant(*scale);
            all.push(("", format!("with its constant it is {weight} * the Laplace NLL at scale {scale}")));
        }
    }
    match &of.kl {
        Some(kl) => {
            all.push(("  KL", format!("K: {kl}")));
            all.extend(remarks(of, kl, named).into_iter().map(|text| ("", text)));
        }
        None => all.push((
            "  KL",
            "none: the result does not depend on the posterior; what is computed is dropped".to_owned(),
        )),
    }
    let evidence = &of.evidence;
    let runner_up = |list: &[Scored]| match list {
        [first, second, ..] => {
            format!("residual {:.0e}; next {}: {:.0e}", first.residual, second.name, second.residual)
        }
        [first] => format!("residual {:.0e}", first.residual),
        [] => "nothing to tell apart".to_owned(),
    };
    all.push(("evidence", format!("reconstruction: {}", runner_up(&evidence.recon))));
    if of.kl.is_some() {
        all.push(("", format!("KL: {}", runner_up(&evidence.kl))));
    }
    all.push((
        "",
        format!(
            "on fresh inputs at {} fresh sizes both terms are right within {:.0e}; {} calls",
            evidence.checked.len(),
            evidence.worst.max(1e-16),
            evidence.calls
        ),
    ));
    let names: Vec<&str> = of
        .fixed
        .iter()
        .map(|fixed| match fixed {
            Fixed::Batch => "B",
            Fixed::Pixels => "D",
            Fixed::Latents => "d",
        })
        .collect();
    if !names.is_empty() {
        let Shape { batch, pixels, latents } = of.first;
        all.push((
            "",
            format!(
                "it takes one size of {} alone (B = {batch}, D = {pixels}, d = {latents}): what follows from it elsewhere is unknown",
                names.join(" and ")
            ),
        ));
    }
    all.extend(of.notes.iter().map(|note| ("", note.clone())));
    if of.negated {
        all.push(("sign", "it returns an ELBO: the loss above is its negative".to_owned()));
    }
    if let Some((recon, kl)) = &of.returns.sum_of {
        let text =
            format!("{recon} and {kl} without their sum: plain addition is assumed; a factor in your loop changes b");
        all.push(("returns", text));
    } else if !of.returns.total.is_empty() {
        all.push(("returns", format!("several numbers; the loss is {:?}", of.returns.total)));
    }
    if of.returns.per_image {
        all.push(("returns", "one value for each image; their mean is taken".to_owned()));
    }
    for part in &of.parts {
        let text = match part.weights {
            Some((a, 0.0)) => format!("{} * {}", significant(a), of.recon.symbol()),
            Some((0.0, b)) => format!("{} * K", significant(b)),
            Some((a, b)) => format!("{} * {} + {} * K", significant(a), of.recon.symbol(), significant(b)),
            None => "no combination of the two terms".to_owned(),
        };
        let Shape { batch, latents, .. } = of.first;
        all.push(("", format!("{:?} is {text}, at B = {batch} and d = {latents}", part.name)));
    }
    for p in &of.parameters {
        let text = match p.effect {
            Effect::Powers { recon: 0.0, kl: 0.0 } => "changes neither a nor b".to_owned(),
            Effect::Powers { recon: 0.0, kl: 1.0 } => "b is proportional to it".to_owned(),
            Effect::Powers { recon: 0.0, kl: 2.0 } => "b is proportional to its SQUARE: it is applied twice".to_owned(),
            Effect::Powers { recon, kl } => {
                format!("a follows its power {}, b its power {}", significant(recon), significant(kl))
            }
            Effect::Otherwise => "it changes the loss, but a and b follow no power of it".to_owned(),
            Effect::Form => "another value makes another loss, or an error".to_owned(),
        };
        all.push(("parameter", format!("{} = {}: {text}", p.name, significant(p.value))));
    }
    if let Some(law) = effective(of) {
        let name = match (of.recon.energy, is_gaussian(of)) {
            (Energy::Squared, false) => "beta*sigma^2 = b/(2a)",
            _ => "beta = b/a",
        };
        let depends: Vec<&str> = ["B, the batch size", "D, the pixels", "d, the latents"]
            .into_iter()
            .enumerate()
            .filter(|(i, _)| law.single().is_some_and(|one| one.halves[*i] != 0))
            .map(|(_, name)| name)
            .collect();
        let depends =
            if depends.is_empty() { String::new() } else { format!(": it depends on {}", depends.join(" and ")) };
        all.push(("at any size", format!("{name} = {law}{depends}")));
        if let (Some(inverse), false) = (Law::constant(1.0).over(&law), of.kl.is_none()) {
            let goal = if name.starts_with("beta*") { "beta*sigma^2 = 1" } else { "beta = 1" };
            let text = match inverse.to_string().as_str() {
                "1" => format!("nothing to change for {goal}"),
                factor => format!("for {goal}, multiply the KL in your code by {factor}"),
            };
            all.push(("", text));
        }
    }
    all
}

/// What is particular about a KL.
fn remarks(of: &Finding, kl: &KlForm, named: &str) -> Vec<String> {
    let mut all = Vec::new();
    let c = kl.coefficients;
    let b = &of.kl_weight;
    if let (Some(s), false) = (c.prior_variance(), c.is_kl()) {
        all.push(format!(
            "up to a constant it is {} * the KL to N(0, {}): the prior is not N(0, 1)",
            b.times(s),
            significant(s)
        ));
    } else if !c.is_kl() {
        let missing = [
            (c.log_variance, "the log-determinant is missing: nothing keeps sigma from shrinking to 0"),
            (c.variance, "sigma^2 is missing: nothing keeps sigma from growing"),
            (c.mean_square, "the mean's square is missing: nothing keeps the means near 0"),
        ];
        all.extend(missing.into_iter().filter(|(value, _)| *value == 0.0).map(|(_, text)| text.to_owned()));
    }
    if kl.reading == Reading::HalfExponent {
        all.push("exp(logvar/2) stands in place of exp(logvar): its minimum is at sigma = 2, not at 1".to_owned());
    } else if kl.reading.phrase().trim_start_matches("the ") != named {
        all.push(format!(
            "the argument is named as {named} but taken for {}: right only if z is sampled in the same way",
            kl.reading.phrase()
        ));
    }
    if b.single().is_some_and(|one| one.factor == 2.0) && c.is_kl() && kl.limit == Limit::None {
        all.push("b = 2: either a weight of 2, or the KL without its 1/2; the values are the same".to_owned());
    }
    all
}

/// Why nothing is claimed.
pub fn refusal_lines(of: &Refusal) -> Vec<Line> {
    let mut all = vec![("not found", of.reason.clone())];
    for (i, scored) in of.nearest.iter().enumerate() {
        let text = format!("{}: residual {}", scored.name, significant(scored.residual));
        all.push((if i == 0 { "nearest" } else { "" }, text));
    }
    all
}
