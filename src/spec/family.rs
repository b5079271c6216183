//! The model's family and what belongs to it alone: a family owns its terms, so that no pair that does not fit can be
//! written.

use super::number::{NonNegative, Positive};
use super::owners::contradiction;
use super::settings::Settings;
use crate::choice::Choice;
use crate::error::{Error, Result};
use crate::model::{CodeShape, CodebookInit, CodebookRule, CodebookUpdate, Ema, EmaStart, LogSigma};
use crate::model::{LatentShape, ModelName};
use crate::objective::{
    ControlVae, Controller, FreeBits, Geco, KlEstimator, KlPenalty, KlTerm, LatentTerms, LossScale, PenaltyName,
    ReconLoss, Reduction, Sizes, VqReduction, VqTerms, Weight,
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
    /// A VQ-VAE.
    VqVae {
        /// Its codes and its codebook.
        shape: CodeShape,
        /// The terms in its objective.
        vq: VqSpec,
    },
}

/// The terms of a VQ-VAE as chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VqSpec {
    /// The factor on the codebook term and its reduction; none where moving averages make the codebook.
    pub codebook: Option<(f64, VqReduction)>,
    /// The factor on the commitment term and its reduction.
    pub commitment: (f64, VqReduction),
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
        match of.chosen_model() {
            ModelName::Vae => FamilySpec::vae(of),
            ModelName::VqVae => FamilySpec::vq_vae(of),
        }
    }

    fn vq_vae(of: &Settings) -> Result<Self> {
        let of_size = |size: Option<super::number::Size>| size.map_or(1, |n| n.get());
        let (codes, code_dim) = (of_size(of.codes), of_size(of.code_dim));
        if codes.checked_mul(code_dim).is_none() {
            let why = "no memory holds so many numbers";
            return Err(contradiction(&format!("--codes {codes}"), &format!("--code-dim {code_dim}"), why));
        }
        let codebook_size = of_size(of.codebook_size);
        if u32::try_from(codebook_size).is_err() {
            return Err(Error::Usage(format!("--codebook-size {codebook_size}: at most {} entries", u32::MAX)));
        }
        let rule = match of.chosen_codebook_update() {
            CodebookUpdate::Gradient => CodebookRule::Gradient,
            CodebookUpdate::Ema => CodebookRule::Ema(Ema {
                decay: of.codebook_decay.map_or(0.99, |decay| decay.get()),
                start: of.ema_start.unwrap_or(EmaStart::Ones),
                restart_below: of.restart_dead.map(|below| below.get()),
            }),
        };
        let init = of.codebook_init.unwrap_or(CodebookInit::Uniform);
        let reduction = |own: Option<VqReduction>| own.or(of.vq_reduction).unwrap_or(VqReduction::Sum);
        let codebook = match rule {
            CodebookRule::Ema(_) => None,
            CodebookRule::Gradient => {
                Some((of.codebook_weight.map_or(1.0, |weight| weight.get()), reduction(of.codebook_reduction)))
            }
        };
        let commitment = (of.commitment_cost.map_or(0.25, |cost| cost.get()), reduction(of.commitment_reduction));
        Ok(FamilySpec::VqVae {
            shape: CodeShape { codes, code_dim, codebook_size, rule, init },
            vq: VqSpec { codebook, commitment },
        })
    }

    fn vae(of: &Settings) -> Result<Self> {
        let estimator = of.kl_estimator.unwrap_or(KlEstimator::Analytic);
        let sampling = of.sampling.unwrap_or(Sampling::Standard);
        let penalty = penalty(of)?;
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

    /// Which family it is.
    pub fn name(self) -> ModelName {
        match self {
            FamilySpec::Vae { .. } => ModelName::Vae,
            FamilySpec::VqVae { .. } => ModelName::VqVae,
        }
    }

    /// Numbers that the decoder reads for an image: d of a VAE, N d of a VQ-VAE.
    pub fn latent_dim(self) -> usize {
        self.latents().width()
    }

    /// K, the entries of a VQ-VAE's codebook.
    pub fn codebook_size(self) -> Option<usize> {
        match self {
            FamilySpec::Vae { .. } => None,
            FamilySpec::VqVae { shape, .. } => Some(shape.codebook_size),
        }
    }

    /// What stands between encoder and decoder.
    pub fn latents(self) -> LatentShape {
        match self {
            FamilySpec::Vae { latent_dim, sampling, .. } => LatentShape::Gaussian { latent_dim, sampling },
            FamilySpec::VqVae { shape, .. } => LatentShape::Codes(shape),
        }
    }

    /// The KL of a VAE.
    pub fn kl(self) -> Option<KlSpec> {
        match self {
            FamilySpec::Vae { kl, .. } => Some(kl),
            FamilySpec::VqVae { .. } => None,
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
            FamilySpec::VqVae { shape, vq } => {
                let weight =
                    |(factor, reduction): (f64, VqReduction)| reduction.weight(factor, shape.codes, shape.code_dim);
                LatentTerms::Vq(VqTerms {
                    codebook: vq.codebook.map(weight),
                    commitment: weight(vq.commitment),
                    codes: shape.codes,
                    codebook_size: shape.codebook_size,
                })
            }
        }
    }
}

/// What pulls on the KL as the completed settings `of` ask.
fn penalty(of: &Settings) -> Result<KlPenalty> {
    let or_one = |number: Option<Positive>| number.map_or(1.0, |number| number.get());
    let or_zero = |number: Option<NonNegative>| number.map_or(0.0, |number| number.get());
    Ok(match of.chosen_penalty() {
        PenaltyName::Beta => {
            KlPenalty::Beta { beta: of.beta.map_or(1.0, |beta| beta.get()), warmup: of.warmup, free_bits: of.free_bits }
        }
        PenaltyName::Capacity => {
            KlPenalty::Capacity { gamma: or_one(of.gamma), nats: or_zero(of.capacity), rise: of.capacity_rise }
        }
        PenaltyName::Geco => KlPenalty::Found(Controller::Geco(Geco {
            tolerance: of.geco_tolerance.map_or(0.0, |tolerance| tolerance.get()),
            rate: or_one(of.geco_rate),
            decay: of.geco_decay.map_or(0.0, |decay| decay.get()),
            initial: or_one(of.geco_lambda),
        })),
        PenaltyName::ControlVae => {
            let (least, most) = (or_zero(of.beta_min), or_one(of.beta_max));
            if least > most {
                let why = "no beta lies between them";
                return Err(contradiction(&format!("--beta-min {least}"), &format!("--beta-max {most}"), why));
            }
            KlPenalty::Found(Controller::ControlVae(ControlVae {
                target: or_zero(of.target_kl),
                kp: or_zero(of.pi_kp),
                ki: or_zero(of.pi_ki),
                beta_min: least,
                beta_max: most,
            }))
        }
    })
}

/// Whether a model learns the log sigma of this loss.
pub(super) fn log_sigma_of(loss: ReconLoss) -> LogSigma {
    if loss.learns_sigma() { LogSigma::Learned } else { LogSigma::Absent }
}
