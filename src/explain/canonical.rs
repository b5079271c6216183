//! The plainest command that trains the same: both terms summed, every weight in beta, and whatever else the objective has.

use crate::objective::{Controller, LossScale, Moment, Objective, Ratio, Reduction, Time};
use crate::spec::{RunSpec, Settings, cell_text};
use crate::text::shell_quote;

/// The settings that make an objective and have nothing to do with its weights.
const KEPT: [&str; 23] = [
    "loss",
    "sigma2",
    "laplace-scale",
    "log-mse-scale",
    "discretized-scale",
    "output-activation",
    "kl-estimator",
    "warmup",
    "free-bits",
    "capacity",
    "capacity-rise",
    "geco-tolerance",
    "geco-rate",
    "geco-decay",
    "geco-lambda",
    "target-kl",
    "pi-kp",
    "pi-ki",
    "beta-min",
    "beta-max",
    "binarize",
    "pixel-range",
    "sampling",
];

/// The settings of `spec`, which is `objective` for these images, with all weights of a batch of `batch` images in beta (or
/// gamma, or a controller's constants), and what their objective is multiplied by: it changes the learning rate at most.
///
/// None where a weight is no number, such as for a reconstruction of weight 0, and for a PI controller on a K that another
/// reduction scales: its proportional part is no multiple.
pub fn settings(spec: &RunSpec, objective: &Objective, batch: usize) -> Option<(Settings, f64)> {
    let ratio = without_rounding(objective.weight_ratio(batch, Moment::as_written(Time::END)));
    let a = objective.recon.weight.at(batch);
    let mut all = Settings {
        reduction: Some(Reduction::Sum),
        recon_weight: Some(LossScale::Number(1.0)),
        kl_reduction: Some(Reduction::Sum),
        kl_weight: Some(LossScale::Number(1.0)),
        ..spec.settings().clone()
    };
    match objective.controller() {
        None if all.capacity.is_some() => all.gamma = Some(ratio.try_into().ok()?),
        None => all.beta = Some(ratio.try_into().ok()?),
        // b*K + lambda * (a*R - X) = b * (K + (lambda a/b) * (R - X/a)).
        Some(Controller::Geco(geco)) => {
            let b = a * Ratio::from(ratio);
            all.geco_tolerance = Some((Ratio::from(geco.tolerance) / a).value().try_into().ok()?);
            all.geco_rate = Some((Ratio::from(geco.rate) * a).value().try_into().ok()?);
            all.geco_lambda = Some((Ratio::from(geco.initial) / Ratio::from(ratio)).value().try_into().ok()?);
            return Some((all, b.value()));
        }
        // a*R + beta * K = a * (R + (beta / a) * K).
        Some(Controller::ControlVae(pi)) => {
            if (a * Ratio::from(ratio)).value() != 1.0 {
                return None;
            }
            let over_a = |value: f64| (Ratio::from(value) / a).value();
            all.pi_kp = Some(over_a(pi.kp).try_into().ok()?);
            all.pi_ki = Some(over_a(pi.ki).try_into().ok()?);
            all.beta_min = Some(over_a(pi.beta_min).try_into().ok()?);
            all.beta_max = Some(over_a(pi.beta_max).try_into().ok()?);
        }
    }
    Some((all, a.value()))
}

/// `value` in fifteen digits where that is it but for the last bit: 196 times the double nearest to 1/196 is 1.
fn without_rounding(value: f64) -> f64 {
    match format!("{value:.14e}").parse::<f64>() {
        Ok(decimal) if (decimal - value).abs() <= f64::EPSILON * value.abs() => decimal,
        Ok(_) | Err(_) => value,
    }
}

/// The command of these settings: the loss, `--reduction sum`, the weight, and every other part of the objective that is
/// not as it is by default.
pub fn command(canonical: &Settings) -> String {
    let plain = Settings {
        loss: canonical.loss,
        capacity: canonical.capacity,
        geco_tolerance: canonical.geco_tolerance,
        target_kl: canonical.target_kl,
        ..Settings::default()
    };
    let default = plain.completed().map(|all| all.given()).unwrap_or_default();
    let given = canonical.given();
    let mut words = Vec::new();
    let mut say = |key: &str| {
        if let Some(value) = given.get(key) {
            let text = cell_text(value, ",");
            // Whole numbers as people write them; all others with every digit.
            words.push(format!("--{key} {}", shell_quote(text.strip_suffix(".0").unwrap_or(&text))));
        }
    };
    say("loss");
    say("reduction");
    say(if canonical.capacity.is_some() { "gamma" } else { "beta" });
    for key in KEPT {
        let differs = given.get(key) != default.get(key) || ["capacity", "geco-tolerance", "target-kl"].contains(&key);
        if key != "loss" && differs {
            say(key);
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IEEE 754: the double nearest to 1/196 times 196 is 1 - 2^-53; 784 * 128 needs no rounding, a third has no short decimal.
    #[test]
    fn a_weight_is_written_without_the_rounding_of_its_last_bit() {
        assert_eq!((1.0 / 196.0) * 196.0, 0.999_999_999_999_999_9);
        assert_eq!(without_rounding((1.0 / 196.0) * 196.0), 1.0);
        assert_eq!(without_rounding(100_352.0), 100_352.0);
        assert_eq!(without_rounding(1.0 / 3.0), 1.0 / 3.0);
        assert_eq!(without_rounding(0.0), 0.0);
        assert!(without_rounding(f64::NAN).is_nan());
    }
}
