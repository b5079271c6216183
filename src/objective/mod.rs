//! What is minimised: a weighted sum of terms, and the two ledgers that follow.
//!
//! `objective = a * R + b * K`, where R and K are canonical (per image, summed over pixels and latents, averaged over
//! images) and a and b are what a code base's "reduction" amounts to. The effective beta is b / a.
//!
//! | file | subject |
//! |---|---|
//! | [`value`] | the one place where terms are weighted and added |
//! | [`recon`] | every reconstruction loss, a row of definitions each |
//! | [`pixel_loss`] | the sums over pixels that those losses are functions of |
//! | [`discretized`] | masses of the 256 grey levels |
//! | [`kl`] | the KL, its estimators and penalties |
//! | [`controller`] | weights that are found while training: GECO, ControlVAE |
//! | [`vq`] | the terms of a VQ-VAE and their reductions |
//! | [`weight`], [`reduction`], [`ratio`], [`schedule`] | weights: reduction, factor, rise over time |
//! | [`effective`] | the number that makes objectives comparable |
//! | [`output`], [`arithmetic`] | from the decoder's last layer to means; formulas on numbers and on tensors alike |

pub mod arithmetic;
pub mod controller;
pub mod discretized;
pub mod effective;
pub mod kl;
pub mod output;
pub mod pixel_loss;
pub mod ratio;
pub mod recon;
pub mod reduction;
pub mod schedule;
pub mod value;
pub mod vq;
pub mod weight;

pub use controller::{Control, ControlVae, Controller, Geco, Moment, Multiplier};
pub use discretized::Bins;
pub use effective::EffectiveWeight;
pub use kl::{FreeBits, KlEstimator, KlPenalty, KlTerm, PenaltyName};
pub use output::OutputMap;
pub use pixel_loss::{DecoderOutput, PixelLoss};
pub use ratio::Ratio;
pub use recon::{LogMseScale, Loss, LossParameters, Measure, ReconLoss, ReconTerm, SigmaSquared};
pub use reduction::Reduction;
pub use schedule::{Length, Schedule, Shape, Time};
pub use value::{Averages, LatentAverages, LatentTerms, Objective, Value};
pub use vq::{CodeUse, VqReduction, VqTerms};
pub use weight::{LossScale, Sizes, Weight};
