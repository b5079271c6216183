//! The model's family and what belongs to it alone: a family owns its terms, so that no pair that does not fit can be
//! written.

use super::owners::contradiction;
use super::settings::Settings;
use crate::choice::Choice;
use crate::error::Result;
use crate::model::LogSigma;
use crate::objective::{
    FreeBits, KlEstimator, KlPenalty, KlTerm, LatentTerms, LossScale, ReconLoss, Reduction, Sizes, Weight,
};
use crate::pass::Sampling;

/// A family of models with its choices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FamilySpec {
    /// A variational autoencoder.
    Vae {
        /// d, latents.
        latent_dim: usize,
        /// How z is drawn.
        sampling: Sampling,
        /// The KL in its objective.
        kl: KlSpec,
    },
}

/// The KL of a VAE as chosen, before the sizes of the data are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KlSpec {
    /// How it is computed.
    pub estimator: KlEstimator,
    /// How it is reduced.
    pub reduction: Reduction,
    /// A factor in front of it beside beta.
    pub scale: LossScale,
    /// What pulls on it: beta, or gamma and a capacity.
    pub penalty: KlPenalty,
}

impl FamilySpec {
    /// The family that the completed settings `of` ask for.
    pub(super) fn resolve(of: &Settings) -> Result<Self> {
        let estimator = of.kl_estimator.unwrap_or(KlEstimator::Analytic);
        let sampling = of.sampling.unwrap_or(Sampling::Standard);
        let penalty = match of.capacity {
            None => KlPenalty::Beta {
                beta: of.beta.map_or(1.0, |beta| beta.get()),
                warmup: of.warmup,
                free_bits: of.free_bits,
            },
            Some(nats) => KlPenalty::Capacity {
                gamma: of.gamma.map_or(1.0, |gamma| gamma.get()),
                nats: nats.get(),
                rise: of.capacity_rise,
            },
        };
        let sampled = "--kl-estimator monte-carlo";
        match (estimator, sampling, penalty.free_bits()) {
            (KlEstimator::MonteCarlo, _, Some(free @ (FreeBits::PerLatent(_) | FreeBits::PerLatentBatch(_)))) => {
                return Err(contradiction(&format!("--free-bits {free}"), sampled, "a sample has no KL per latent"));
            }
            (KlEstimator::MonteCarlo, Sampling::Keras201605, _) => {
                let sampling = format!("--sampling {}", sampling.name());
                return Err(contradiction(&sampling, sampled, "its z is not drawn from q"));
            }
            (KlEstimator::MonteCarlo, Sampling::Standard, Some(FreeBits::PerImage(_)) | None)
            | (KlEstimator::Analytic, _, _) => {}
        }
        Ok(FamilySpec::Vae {
            latent_dim: of.latent_dim.map_or(1, |d| d.get()),
            sampling,
            kl: KlSpec {
                estimator,
                reduction: of.kl_reduction.unwrap_or(Reduction::Sum),
                scale: of.kl_weight.unwrap_or(LossScale::Number(1.0)),
                penalty,
            },
        })
    }

    /// d, the latents of a VAE.
    pub fn latent_dim(self) -> usize {
        match self {
            FamilySpec::Vae { latent_dim, .. } => latent_dim,
        }
    }

    /// How z is drawn.
    pub fn sampling(self) -> Sampling {
        match self {
            FamilySpec::Vae { sampling, .. } => sampling,
        }
    }

    /// The KL of a VAE.
    pub fn kl(self) -> KlSpec {
        match self {
            FamilySpec::Vae { kl, .. } => kl,
        }
    }

    /// The terms beside the reconstruction, for data of these sizes.
    pub(super) fn terms(self, sizes: &Sizes) -> LatentTerms {
        match self {
            FamilySpec::Vae { latent_dim, sampling, kl } => LatentTerms::Kl(KlTerm {
                weight: Weight { reduction: kl.reduction, scale: kl.scale.value(sizes), elements: latent_dim },
                estimator: kl.estimator,
                penalty: kl.penalty,
                sampling,
            }),
        }
    }
}

/// Whether a model learns the log sigma of this loss.
pub(super) fn log_sigma_of(loss: ReconLoss) -> LogSigma {
    if loss.learns_sigma() { LogSigma::Learned } else { LogSigma::Absent }
}
