//! The plainest command that trains the same: both terms summed, every weight in beta, and whatever else the objective has.

use crate::objective::{LossScale, Ratio, Reduction};
use crate::spec::{RunSpec, Settings, cell_text};
use crate::text::shell_quote;

/// The settings that make an objective and have nothing to do with its weights.
const KEPT: [&str; 14] = [
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
    "binarize",
    "pixel-range",
    "sampling",
];

/// The settings of `spec` with all weights in beta (or gamma): b/a = `ratio` for full batches.
///
/// None where the ratio is no number, such as for a reconstruction of weight 0.
pub fn settings(spec: &RunSpec, ratio: f64) -> Option<Settings> {
    let ratio = without_rounding(ratio);
    let mut all = Settings {
        reduction: Some(Reduction::Sum),
        recon_weight: Some(LossScale::Number(1.0)),
        kl_reduction: Some(Reduction::Sum),
        kl_weight: Some(LossScale::Number(1.0)),
        ..spec.settings().clone()
    };
    match all.capacity {
        None => all.beta = Some(ratio.try_into().ok()?),
        Some(_) => all.gamma = Some(ratio.try_into().ok()?),
    }
    Some(all)
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
    let plain = Settings { loss: canonical.loss, capacity: canonical.capacity, ..Settings::default() };
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
        let differs = given.get(key) != default.get(key) || key == "capacity";
        if key != "loss" && differs {
            say(key);
        }
    }
    words.join(" ")
}

/// What the canonical objective is multiplied by, for full batches: a.
pub fn scale(recon_weight: Ratio) -> f64 {
    recon_weight.value()
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
