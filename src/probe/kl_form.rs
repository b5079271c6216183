//! Hypotheses about the KL.

use std::fmt;

use super::design::Inputs;
use super::law::Law;
use crate::text::significant;

/// What the function takes its last argument for: variance and log variance as functions of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// log sigma^2.
    LogVariance,
    /// log sigma.
    LogDeviation,
    /// sigma.
    Deviation,
    /// sigma^2.
    Variance,
    /// log sigma^2 under the logarithm, and exp(half of it) for the variance.
    HalfExponent,
    /// sigma = log(1 + exp(v)).
    SoftplusDeviation,
    /// sigma^2 = log(1 + exp(v)).
    SoftplusVariance,
}

/// 1/2 * (mean_square * mean^2 + variance * sigma^2 + log_variance * ln sigma^2 - 1), per latent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// On mean^2.
    pub mean_square: f64,
    /// On sigma^2.
    pub variance: f64,
    /// On ln sigma^2.
    pub log_variance: f64,
}

/// What keeps the loss from being linear in the KL.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    /// Nothing.
    None,
    /// sum_j max(K_ij, nats).
    FreePerLatent(Law),
    /// sum_j max(mean_i K_ij, nats).
    FreePerLatentBatch(Law),
    /// max(K_i, nats).
    FreePerImage(Law),
    /// max(mean_i K_i, nats).
    FreePerBatch(Law),
    /// |mean_i K_i - nats|.
    CapacityOfBatch(Law),
    /// |K_i - nats|, averaged over images.
    CapacityOfImage(Law),
}

/// How the KL is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimate {
    /// From means and variances alone.
    Closed,
    /// log q(z|x) - log p(z) at a sample.
    Sampled,
}

/// The KL of a loss.
#[derive(Clone, Debug, PartialEq)]
pub struct KlForm {
    /// What the last argument is taken for.
    pub reading: Reading,
    /// Its shape per latent.
    pub coefficients: Coefficients,
    /// What is done to it.
    pub limit: Limit,
    /// How it is computed.
    pub estimate: Estimate,
}

impl Reading {
    pub(super) const ALL: [Reading; 7] = [
        Reading::LogVariance,
        Reading::LogDeviation,
        Reading::Deviation,
        Reading::Variance,
        Reading::HalfExponent,
        Reading::SoftplusDeviation,
        Reading::SoftplusVariance,
    ];

    /// sigma^2 and ln sigma^2.
    fn of(self, v: f64) -> (f64, f64) {
        let softplus = v.max(0.0) + (-v.abs()).exp().ln_1p();
        match self {
            Reading::LogVariance => (v.exp(), v),
            Reading::LogDeviation => ((2.0 * v).exp(), 2.0 * v),
            Reading::Deviation => (v * v, 2.0 * v.ln()),
            Reading::Variance => (v, v.ln()),
            Reading::HalfExponent => ((0.5 * v).exp(), v),
            Reading::SoftplusDeviation => (softplus * softplus, 2.0 * softplus.ln()),
            Reading::SoftplusVariance => (softplus, softplus.ln()),
        }
    }

    /// The argument of a unit variance.
    pub(super) fn prior(self) -> f64 {
        match self {
            Reading::LogVariance | Reading::LogDeviation | Reading::HalfExponent => 0.0,
            Reading::Deviation | Reading::Variance => 1.0,
            // log(1 + exp(v)) = 1.
            Reading::SoftplusDeviation | Reading::SoftplusVariance => 1.0f64.exp_m1().ln(),
        }
    }

    /// Whether it takes arguments of either sign.
    pub(super) fn takes_negatives(self) -> bool {
        match self {
            Reading::Deviation | Reading::Variance => false,
            Reading::LogVariance
            | Reading::LogDeviation
            | Reading::HalfExponent
            | Reading::SoftplusDeviation
            | Reading::SoftplusVariance => true,
        }
    }

    /// Averages over images of the sums over latents: mean^2, sigma^2, ln sigma^2.
    pub(super) fn features(self, inputs: &Inputs) -> [f64; 3] {
        let mut sums = [0.0; 3];
        for (&mean, &v) in inputs.mean.iter().zip(&inputs.logvar) {
            let (variance, log) = self.of(v);
            sums = [sums[0] + mean * mean, sums[1] + variance, sums[2] + log];
        }
        sums.map(|sum| sum / inputs.shape.batch as f64)
    }

    /// As a phrase: what the argument is.
    pub fn phrase(self) -> &'static str {
        match self {
            Reading::LogVariance => "log variance",
            Reading::LogDeviation => "log sigma",
            Reading::Deviation => "sigma",
            Reading::Variance => "the variance",
            Reading::HalfExponent => "log variance, with exp(logvar/2) for the variance",
            Reading::SoftplusDeviation => "the softplus argument of sigma",
            Reading::SoftplusVariance => "the softplus argument of the variance",
        }
    }
}

impl Coefficients {
    /// Those of KL(q || N(0, 1)).
    pub const KL: Coefficients = Coefficients { mean_square: 1.0, variance: 1.0, log_variance: -1.0 };

    fn of(self, mean: f64, variance: f64, log: f64) -> f64 {
        0.5 * (self.mean_square * mean * mean + self.variance * variance + self.log_variance * log - 1.0)
    }

    /// Whether this is KL(q || N(0, 1)).
    pub fn is_kl(self) -> bool {
        self == Coefficients::KL
    }

    /// s where this is KL(q || N(0, s)), up to factor and constant.
    pub fn prior_variance(self) -> Option<f64> {
        (self.mean_square == 1.0 && self.variance == 1.0 && self.log_variance < 0.0).then_some(-self.log_variance)
    }
}

impl Limit {
    /// The amount.
    pub fn law(&self) -> Option<&Law> {
        match self {
            Limit::None => None,
            Limit::FreePerLatent(law)
            | Limit::FreePerLatentBatch(law)
            | Limit::FreePerImage(law)
            | Limit::FreePerBatch(law)
            | Limit::CapacityOfBatch(law)
            | Limit::CapacityOfImage(law) => Some(law),
        }
    }

    /// The same kind with another amount.
    pub(super) fn with(&self, law: Law) -> Limit {
        match self {
            Limit::None => Limit::None,
            Limit::FreePerLatent(_) => Limit::FreePerLatent(law),
            Limit::FreePerLatentBatch(_) => Limit::FreePerLatentBatch(law),
            Limit::FreePerImage(_) => Limit::FreePerImage(law),
            Limit::FreePerBatch(_) => Limit::FreePerBatch(law),
            Limit::CapacityOfBatch(_) => Limit::CapacityOfBatch(law),
            Limit::CapacityOfImage(_) => Limit::CapacityOfImage(law),
        }
    }

    /// The amount of this kind that makes the loss at K = 0 exceed its linear continuation by `excess` times b.
    pub(super) fn amount(&self, excess: f64, latents: usize) -> f64 {
        match self {
            Limit::None => 0.0,
            Limit::FreePerLatent(_) | Limit::FreePerLatentBatch(_) => excess / latents as f64,
            Limit::FreePerImage(_) | Limit::FreePerBatch(_) => excess,
            Limit::CapacityOfBatch(_) | Limit::CapacityOfImage(_) => 0.5 * excess,
        }
    }

    /// Every kind but none, without an amount.
    pub(super) fn kinds() -> [Limit; 6] {
        [
            Limit::FreePerLatent(Law::default()),
            Limit::FreePerLatentBatch(Law::default()),
            Limit::FreePerImage(Law::default()),
            Limit::FreePerBatch(Law::default()),
            Limit::CapacityOfBatch(Law::default()),
            Limit::CapacityOfImage(Law::default()),
        ]
    }

    /// What becomes of the KL of every image and latent; averaged over images.
    fn apply(&self, kl: &[f64], inputs: &Inputs) -> f64 {
        let (batch, latents) = (inputs.shape.batch, inputs.shape.latents);
        let nats = self.law().map_or(0.0, |law| law.at(inputs.shape));
        let per_image = || kl.chunks(latents).map(|row| row.iter().sum::<f64>());
        let mean = |sum: f64| sum / batch as f64;
        match self {
            Limit::None => mean(kl.iter().sum()),
            Limit::FreePerLatent(_) => mean(kl.iter().map(|k| k.max(nats)).sum()),
            Limit::FreePerLatentBatch(_) => {
                (0..latents).map(|j| mean(kl.iter().skip(j).step_by(latents).sum()).max(nats)).sum()
            }
            Limit::FreePerImage(_) => mean(per_image().map(|k| k.max(nats)).sum()),
            Limit::FreePerBatch(_) => mean(kl.iter().sum()).max(nats),
            Limit::CapacityOfBatch(_) => (mean(kl.iter().sum()) - nats).abs(),
            Limit::CapacityOfImage(_) => mean(per_image().map(|k| (k - nats).abs()).sum()),
        }
    }
}

impl KlForm {
    /// The KL from means and log variances, in closed form.
    pub const CLOSED: KlForm = KlForm {
        reading: Reading::LogVariance,
        coefficients: Coefficients::KL,
        limit: Limit::None,
        estimate: Estimate::Closed,
    };

    /// The value on these inputs: per image, summed over latents, averaged over images, after what is free.
    pub(super) fn value(&self, inputs: &Inputs) -> f64 {
        let each = inputs.mean.iter().zip(&inputs.logvar).map(|(&mean, &v)| {
            let (variance, log) = self.reading.of(v);
            self.coefficients.of(mean, variance, log)
        });
        self.limit.apply(&each.collect::<Vec<_>>(), inputs)
    }

    /// The symbol in a formula.
    pub fn symbol(&self) -> String {
        let nats = self.limit.law().map_or_else(String::new, ToString::to_string);
        match self.limit {
            Limit::None => "K".to_owned(),
            Limit::FreePerLatent(_) => format!("sum_j max(K_ij, {nats})"),
            Limit::FreePerLatentBatch(_) => format!("sum_j max(mean_i K_ij, {nats})"),
            Limit::FreePerImage(_) => format!("max(K_i, {nats})"),
            Limit::FreePerBatch(_) => format!("max(K, {nats})"),
            Limit::CapacityOfBatch(_) => format!("|K - {nats}|"),
            Limit::CapacityOfImage(_) => format!("|K_i - {nats}|"),
        }
    }
}

impl fmt::Display for KlForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.coefficients;
        let reading = self.reading.phrase();
        if c.is_kl() && self.reading != Reading::HalfExponent {
            match self.estimate {
                Estimate::Closed => write!(f, "KL to N(0, 1) in closed form; the argument is {reading}")?,
                Estimate::Sampled => {
                    write!(f, "KL to N(0, 1) sampled, log q(z|x) - log p(z); the argument is {reading}")?
                }
            }
        } else {
            let sampled = match self.estimate {
                Estimate::Closed => "",
                Estimate::Sampled => "sampled, ",
            };
            write!(
                f,
                "{sampled}not the KL to N(0, 1): K = sum of 1/2*({})",
                [(c.mean_square, "mean^2"), (c.variance, "var"), (c.log_variance, "ln var")]
                    .into_iter()
                    .filter(|(factor, _)| *factor != 0.0)
                    .map(|(factor, name)| match significant(factor).as_str() {
                        "1" => name.to_owned(),
                        "-1" => format!("-{name}"),
                        other => format!("{other}*{name}"),
                    })
                    .chain(std::iter::once("-1".to_owned()))
                    .collect::<Vec<_>>()
                    .join(" + ")
                    .replace("+ -", "- ")
            )?;
            write!(f, "; the argument is {reading}")?;
        }
        match &self.limit {
            Limit::None => Ok(()),
            Limit::FreePerLatent(n) => write!(f, "; {n} nats free per latent and image"),
            Limit::FreePerLatentBatch(n) => write!(f, "; {n} nats free per latent, over the batch mean"),
            Limit::FreePerImage(n) => write!(f, "; {n} nats free per image"),
            Limit::FreePerBatch(n) => write!(f, "; {n} nats free on the batch mean of the total"),
            Limit::CapacityOfBatch(n) => write!(f, "; its distance from a capacity of {n} nats"),
            Limit::CapacityOfImage(n) => write!(f, "; each image's distance from a capacity of {n} nats"),
        }
    }
}
