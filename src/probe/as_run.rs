//! What was found, as settings of this program that train the same objective.

use super::design::Shape;
use super::finding::{Finding, Likelihood};
use super::kl_form::{Estimate, Limit, Reading};
use super::law::Law;
use super::recon_form::{Energy, Joint, PixelMap};
use crate::data::PixelRange;
use crate::objective::{
    FreeBits, KlEstimator, KlPenalty, LogMseScale, Loss, LossScale, Moment, Objective, OutputMap, Reduction, Time,
};
use crate::spec::presets::{PRESETS, Preset};
use crate::spec::{RunSpec, Settings};
use crate::terms::Term;

/// Settings that train the same objective, or why this program has none.
///
/// Weights that no reduction has are put in as numbers for `shape`.
///
/// # Errors
/// What about the loss has no flag, as a sentence.
pub fn settings(of: &Finding, shape: Shape) -> Result<Settings, String> {
    let mut all = Settings::default();
    let weight = recon(of, &mut all)?;
    let (reduction, factor) = reduced(&weight, Term::Recon, shape);
    if factor <= 0.0 {
        return Err("its reconstruction is rewarded for being wrong: a is not above 0".to_owned());
    }
    all.reduction = Some(reduction);
    if factor != 1.0 {
        all.recon_weight = Some(LossScale::Number(factor));
    }
    let Some(kl) = &of.kl else {
        all.kl_reduction = Some(Reduction::Sum);
        all.beta = 0.0.try_into().ok();
        return Ok(all);
    };
    let b = of.kl_weight.at(shape);
    if b < 0.0 {
        return Err("its KL has the wrong sign: it is rewarded for being large".to_owned());
    }
    if !kl.coefficients.is_kl() || kl.reading == Reading::HalfExponent {
        return Err(match kl.coefficients.prior_variance().filter(|_| kl.reading != Reading::HalfExponent) {
            Some(s) => format!(
                "its second term is {} KL(q || N(0, {})) up to a constant, and this program trains the KL to N(0, 1)",
                of.kl_weight.times(s),
                crate::text::significant(s)
            ),
            None => "its second term is no KL, and this program trains none like it".to_owned(),
        });
    }
    let (reduction, factor) = reduced(&of.kl_weight, Term::Kl, shape);
    let nats = kl.limit.law().map_or(0.0, |law| law.at(shape));
    all.free_bits = match kl.limit {
        Limit::None | Limit::CapacityOfBatch(_) => None,
        Limit::FreePerLatent(_) => Some(FreeBits::PerLatent(nats)),
        Limit::FreePerLatentBatch(_) => Some(FreeBits::PerLatentBatch(nats)),
        Limit::FreePerImage(_) => Some(FreeBits::PerImage(nats)),
        Limit::FreePerBatch(_) => {
            return Err("its free nats are taken off the batch mean of the total, which this program has no flag for"
                .to_owned());
        }
        Limit::CapacityOfImage(_) => {
            return Err(
                "it takes the distance of each image's KL from the capacity; --capacity takes that of the batch mean"
                    .to_owned(),
            );
        }
    };
    // A reduction has the same place in the code whatever the batch; a factor is beta.
    all.kl_reduction = Some(reduction);
    if let Limit::CapacityOfBatch(_) = kl.limit {
        all.capacity = nats.try_into().ok();
        all.gamma = factor.try_into().ok();
    } else {
        all.beta = factor.try_into().ok();
    }
    if kl.estimate == Estimate::Sampled {
        all.kl_estimator = Some(KlEstimator::MonteCarlo);
    }
    Ok(all)
}

/// Puts the loss into `all` and gives the weight on what it weighs.
fn recon(of: &Finding, all: &mut Settings) -> Result<Law, String> {
    let none = |what: &str| Err(format!("this program has no loss like its reconstruction, {what}"));
    match (of.recon.energy, of.recon.joint) {
        (Energy::CrossEntropy | Energy::ContinuousBernoulli, Joint::Mean) => {
            match (of.recon.recon_map, of.recon.x_map) {
                (PixelMap::Identity | PixelMap::Sigmoid, PixelMap::Identity)
                | (PixelMap::FromSymmetric, PixelMap::FromSymmetric)
                | (PixelMap::Sigmoid, PixelMap::FromSymmetric) => {}
                _ => return none("which maps image and reconstruction to different ranges"),
            }
            all.loss =
                Some(if of.recon.energy == Energy::CrossEntropy { Loss::Bce } else { Loss::ContinuousBernoulli });
            Ok(of.recon_weight.clone())
        }
        (Energy::Squared, joint) => {
            let symmetric = match (of.recon.recon_map, of.recon.x_map) {
                (PixelMap::Identity, PixelMap::Identity) => false,
                (PixelMap::Sigmoid, PixelMap::Identity) => {
                    all.output_activation = Some(OutputMap::Sigmoid);
                    false
                }
                (PixelMap::Tanh, PixelMap::Identity) => {
                    all.output_activation = Some(OutputMap::Tanh);
                    false
                }
                (PixelMap::Tanh, PixelMap::ToSymmetric) => {
                    all.output_activation = Some(OutputMap::Tanh);
                    true
                }
                _ => return none("which maps image and reconstruction to different ranges"),
            };
            if symmetric {
                all.pixel_range = Some(PixelRange::Symmetric);
            }
            let positive = |v: f64| v.try_into().ok();
            match (&of.likelihood, joint) {
                (Likelihood::Gaussian { sigma2, weight }, Joint::Mean) => {
                    (all.loss, all.sigma2) = (Some(Loss::Gaussian), positive(*sigma2));
                    Ok(weight.clone())
                }
                (_, Joint::Mean) => {
                    all.loss = Some(Loss::Mse);
                    Ok(of.recon_weight.clone())
                }
                (Likelihood::GaussianOptimal { weight }, Joint::LogOfBatch) => {
                    all.loss = Some(Loss::GaussianOptimal);
                    Ok(weight.clone())
                }
                (_, Joint::LogOfBatch) => {
                    all.loss = Some(Loss::LogMse);
                    let half = of.recon_weight.single().filter(|m| m.halves[1] == 2);
                    all.log_mse_scale = Some(if half.is_some() { LogMseScale::HalfPixels } else { LogMseScale::Bare });
                    let over = Law(vec![super::law::Monomial { factor: 0.5, halves: [0, 2, 0] }]);
                    Ok(half.and_then(|_| of.recon_weight.over(&over)).unwrap_or_else(|| of.recon_weight.clone()))
                }
                (_, Joint::LogOfImage) => none("the logarithm of each image's error"),
                (_, Joint::RootOfBatch | Joint::RootOfImage) => none("the root of the error"),
            }
        }
        (Energy::Absolute, Joint::Mean) => {
            if (of.recon.recon_map, of.recon.x_map) != (PixelMap::Identity, PixelMap::Identity) {
                return none("which maps image and reconstruction to different ranges");
            }
            all.loss = Some(Loss::Laplace);
            let (scale, weight) = match &of.likelihood {
                Likelihood::Laplace { scale, weight } => (*scale, weight.clone()),
                Likelihood::None | Likelihood::Gaussian { .. } | Likelihood::GaussianOptimal { .. } => {
                    (1.0, of.recon_weight.clone())
                }
            };
            all.laplace_scale = Some(scale).filter(|&s| s != 1.0).and_then(|s| s.try_into().ok());
            Ok(weight)
        }
        _ => none(&of.recon.to_string()),
    }
}

/// The reduction that a weight is, and the factor beside it at `shape`.
fn reduced(weight: &Law, term: Term, shape: Shape) -> (Reduction, f64) {
    let axis = if term == Term::Recon { 1 } else { 2 };
    let reduction = weight.single().map_or(Reduction::Sum, |one| {
        let others = [0, 1, 2].into_iter().any(|i| i != 0 && i != axis && one.halves[i] != 0);
        match (one.halves[0], one.halves[axis], others) {
            (0, -2, _) => Reduction::Mean,
            (2, 0, _) => Reduction::BatchSum,
            _ => Reduction::Sum,
        }
    });
    let elements = if term == Term::Recon { shape.pixels } else { shape.latents };
    let own = reduction.weight(elements, shape.batch).value();
    (reduction, super::law::tidy(weight.at(shape) / own, 1e-9))
}

/// The presets that have the same objective, at every size that both have a value for.
pub fn presets(spec: &RunSpec, of: &Finding) -> Vec<&'static Preset> {
    let latents = spec.family().latent_dim();
    let shapes = [(128, 784), (64, 784), (100, 3072)];
    let at = |spec: &RunSpec, (batch, pixels): (usize, usize)| {
        let objective = spec.objective_for(pixels, 0.5);
        let weights = objective.weights(batch, Moment::as_written(Time::END));
        let of = |term| weights.get(term).copied().unwrap_or(0.0);
        (objective, of(Term::Recon), of(Term::Kl))
    };
    let shape = |batch: usize, pixels: usize| Shape { batch, pixels, latents };
    PRESETS
        .iter()
        .filter(|preset| {
            let Ok(mut settings) = preset.settings() else { return false };
            settings.latent_dim = latents.try_into().ok();
            shapes.into_iter().all(|(batch, pixels)| {
                settings.batch_size = batch.try_into().ok();
                let Ok(theirs) = RunSpec::resolve(&settings) else { return false };
                let Ok(ours) = crate::probe::as_run::settings(of, shape(batch, pixels)) else { return false };
                let ours = Settings { latent_dim: settings.latent_dim, batch_size: settings.batch_size, ..ours };
                let Ok(ours) = RunSpec::resolve(&ours) else { return false };
                let ((one, a, b), (two, c, d)) = (at(&theirs, (batch, pixels)), at(&ours, (batch, pixels)));
                let near = |x: f64, y: f64| (x - y).abs() <= 1e-6 * x.abs().max(y.abs());
                one.recon.loss == two.recon.loss
                    && same_penalty(&one, &two)
                    && near(a, c)
                    && near(b, d)
                    && theirs.data().pixels.range == ours.data().pixels.range
            })
        })
        .collect()
}

fn same_penalty(one: &Objective, two: &Objective) -> bool {
    use crate::objective::LatentTerms::Kl;
    let (Kl(one), Kl(two)) = (one.latent, two.latent) else { return false };
    let kind = |penalty: KlPenalty| match penalty {
        KlPenalty::Beta { warmup, free_bits, .. } => (warmup, free_bits, None, None),
        KlPenalty::Capacity { nats, rise, .. } => (rise, None, Some(nats), None),
        KlPenalty::Found(controller) => (None, None, None, Some(controller)),
    };
    one.estimator == two.estimator && kind(one.penalty) == kind(two.penalty)
}

/// Whether the settings hold at any number of pixels, and not only at the one that they were made for.
pub fn carries(of: &Finding) -> bool {
    let weight = match &of.likelihood {
        Likelihood::None => &of.recon_weight,
        Likelihood::Gaussian { weight, .. }
        | Likelihood::GaussianOptimal { weight }
        | Likelihood::Laplace { weight, .. } => weight,
    };
    let pixels = |law: &Law| law.single().map(|one| (one.halves[1], one.halves[0]));
    matches!(pixels(weight), Some((0, _) | (-2, 0)))
        && (of.kl_weight.is_zero() || matches!(pixels(&of.kl_weight), Some((0, _))))
        && of.kl.as_ref().and_then(|kl| kl.limit.law()).is_none_or(|law| matches!(pixels(law), Some((0, _))))
}
