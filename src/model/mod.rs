//! Families of models: each turns a batch into a [`Pass`](crate::pass::Pass), and knows neither losses nor optimisers.
//!
//! | file | subject |
//! |---|---|
//! | [`family`] | the families, and what each of them can do |
//! | [`vae`] | the MLP variational autoencoder: x -> (mean, logvar) -> z -> logits or mean of x |
//! | [`vq_vae`], [`codebook`] | the MLP VQ-VAE: x -> nearest codebook entries -> logits or mean of x; how its codebook changes |
//! | [`plain`] | their layers as a Candle user writes them |
//! | [`architecture`], [`init`] | widths, names and shapes; initial parameters |

pub mod architecture;
pub mod codebook;
pub mod family;
pub mod init;
pub mod plain;
pub mod vae;
pub mod vq_vae;

pub use architecture::{Activation, Architecture, LatentShape, LayerShape, LogSigma};
pub use codebook::{CodeShape, CodebookInit, CodebookRule, CodebookUpdate, Ema, EmaStart, StepId};
pub use family::{Model, ModelName};
pub use init::{Init, OutputBias, Start};
pub use vae::Vae;
pub use vq_vae::VqVae;
