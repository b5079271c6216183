//! From given settings to valid choices: every check of a value, and of values against each other.

use super::{ObjectiveSpec, Settings, Strength};
use crate::choice::Choice;
use crate::error::{Error, Result};
use crate::model::Sampling;
use crate::objective::{Factor, FreeBits, KlEstimator, Likelihood, LogMseScale, Loss, OutputMap, Reduction};
use crate::optimizer::{OptimizerName, Rule};

/// The objective that `given` asks for.
pub(super) fn objective(given: &Settings) -> Result<ObjectiveSpec> {
    let likelihood = likelihood(given)?;
    let reduction = given.reduction.unwrap_or(Reduction::Sum);
    if let (true, Some(output)) = (likelihood.energy().takes_logits(), given.output) {
        return Err(contradiction(
            &format!("--output {}", output.name()),
            &format!("--loss {}", likelihood.loss().name()),
            "its decoder gives logits",
        ));
    }
    let kl_estimator = given.kl.unwrap_or(KlEstimator::Analytic);
    if let (KlEstimator::MonteCarlo, Some(free @ (FreeBits::PerLatent(_) | FreeBits::PerLatentBatch(_)))) =
        (kl_estimator, given.free_bits)
    {
        return Err(contradiction(&format!("--free-bits {free}"), "--kl monte-carlo", "a sample has no KL per latent"));
    }
    if let (KlEstimator::MonteCarlo, Some(sampling @ Sampling::Keras201605)) = (kl_estimator, given.sampling) {
        let sampling = format!("--sampling {}", sampling.name());
        return Err(contradiction(&sampling, "--kl monte-carlo", "its z is not drawn from q"));
    }
    Ok(ObjectiveSpec {
        likelihood,
        output: given.output.unwrap_or(OutputMap::Identity),
        reduction,
        recon_weight: given.recon_weight.unwrap_or(Factor::Number(1.0)),
        kl_estimator,
        kl_reduction: given.kl_reduction.unwrap_or(reduction.kl_default()),
        kl_weight: given.kl_weight.unwrap_or(Factor::Number(1.0)),
        strength: strength(given)?,
    })
}

fn strength(given: &Settings) -> Result<Strength> {
    let Some(nats) = given.capacity else {
        let orphans =
            [given.gamma.map(|v| format!("--gamma {v}")), given.capacity_rise.map(|v| format!("--capacity-rise {v}"))];
        if let Some(orphan) = orphans.into_iter().flatten().next() {
            return Err(Error::Usage(format!("{orphan} belongs to a capacity: give that with --capacity, or drop it")));
        }
        return Ok(Strength::Beta {
            beta: not_negative("--beta", given.beta.unwrap_or(1.0))?,
            warmup: given.warmup,
            free_bits: given.free_bits,
        });
    };
    let clashes = [
        given.beta.map(|v| format!("--beta {v}")),
        given.warmup.map(|v| format!("--warmup {v}")),
        given.free_bits.map(|v| format!("--free-bits {v}")),
    ];
    if let Some(clash) = clashes.into_iter().flatten().next() {
        let why = "a capacity has its own weight, --gamma, and its own --capacity-rise";
        return Err(contradiction(&clash, &format!("--capacity {nats}"), why));
    }
    Ok(Strength::Capacity {
        gamma: positive("--gamma", given.gamma.unwrap_or(1000.0))?,
        nats: not_negative("--capacity", nats)?,
        rise: given.capacity_rise,
    })
}

/// Two settings that cannot both hold, and why.
pub(super) fn contradiction(one: &str, other: &str, why: &str) -> Error {
    Error::Usage(format!("{one} and {other} contradict each other: {why}; drop one of the two"))
}

fn likelihood(given: &Settings) -> Result<Likelihood> {
    let loss = given.loss.unwrap_or(Loss::Bce);
    let owned = [
        ("--sigma2", given.sigma2.map(|v| v.to_string()), Loss::Gaussian),
        ("--laplace-scale", given.laplace_scale.map(|v| v.to_string()), Loss::Laplace),
        ("--log-mse-scale", given.log_mse_scale.map(|v| v.name()), Loss::LogMse),
    ];
    for (flag, value, owner) in owned {
        if let (Some(value), true) = (value, loss != owner) {
            let why = format!("only --loss {} has it", owner.name());
            return Err(contradiction(&format!("{flag} {value}"), &format!("--loss {}", loss.name()), &why));
        }
    }
    Ok(match loss {
        Loss::Bce => Likelihood::Bernoulli,
        Loss::ContinuousBernoulli => Likelihood::ContinuousBernoulli,
        Loss::Mse => Likelihood::SquaredError,
        Loss::Gaussian => Likelihood::Gaussian { sigma2: positive("--sigma2", given.sigma2.unwrap_or(1.0))? },
        Loss::GaussianLearned => Likelihood::GaussianLearned,
        Loss::GaussianOptimal => Likelihood::GaussianOptimal,
        Loss::LogMse => Likelihood::LogMse { scale: given.log_mse_scale.unwrap_or(LogMseScale::Bare) },
        Loss::Laplace => {
            Likelihood::Laplace { scale: positive("--laplace-scale", given.laplace_scale.unwrap_or(1.0))? }
        }
    })
}

/// The update rule that `given` asks for.
pub(super) fn rule(given: &Settings) -> Result<Rule> {
    let optimizer = given.optimizer.unwrap_or(OptimizerName::Adam);
    let owned = [
        ("--adam-beta1", given.adam_beta1, OptimizerName::Adam),
        ("--adam-beta2", given.adam_beta2, OptimizerName::Adam),
        ("--adam-eps", given.adam_eps, OptimizerName::Adam),
        ("--rmsprop-alpha", given.rmsprop_alpha, OptimizerName::Rmsprop),
    ];
    for (flag, value, owner) in owned {
        if let (Some(value), true) = (value, optimizer != owner) {
            let other = format!("--optimizer {}", optimizer.name());
            let why = format!("only {} has it", owner.name());
            return Err(contradiction(&format!("{flag} {value}"), &other, &why));
        }
    }
    Ok(match optimizer {
        OptimizerName::Adam => Rule::Adam {
            beta1: decay("--adam-beta1", given.adam_beta1.unwrap_or(0.9))?,
            beta2: decay("--adam-beta2", given.adam_beta2.unwrap_or(0.999))?,
            // At 0 a weight that never has a gradient would move by 0/0.
            eps: positive("--adam-eps", given.adam_eps.unwrap_or(1e-8))?,
        },
        OptimizerName::Sgd => Rule::Sgd,
        OptimizerName::Rmsprop => {
            Rule::Rmsprop { alpha: decay("--rmsprop-alpha", given.rmsprop_alpha.unwrap_or(0.99))? }
        }
        OptimizerName::Adagrad => Rule::Adagrad,
    })
}

pub(super) fn at_least_one(flag: &str, n: usize) -> Result<usize> {
    if n == 0 {
        return Err(Error::Usage(format!("{flag} 0: nothing would be left; give a whole number of 1 or more")));
    }
    Ok(n)
}

pub(super) fn positive(flag: &str, value: f64) -> Result<f64> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    Err(Error::Usage(format!("{flag} {value}: must be a finite number above 0, such as 0.001")))
}

fn not_negative(flag: &str, value: f64) -> Result<f64> {
    if value.is_finite() && value >= 0.0 {
        return Ok(value);
    }
    Err(Error::Usage(format!("{flag} {value}: must be a finite number, 0 or more, such as 1")))
}

fn decay(flag: &str, value: f64) -> Result<f64> {
    if (0.0..1.0).contains(&value) {
        return Ok(value);
    }
    Err(Error::Usage(format!("{flag} {value}: must be at least 0 and below 1, such as 0.9")))
}
