//! Families of models: each turns a batch into a [`Pass`](crate::pass::Pass), and knows neither losses nor optimisers.
//!
//! | file | subject |
//! |---|---|
//! | [`family`] | the families, and what each of them can do |
//! | [`vae`] | the MLP variational autoencoder: x -> (mean, logvar) -> z -> logits or mean of x |
//! | [`plain`] | its layers as a Candle user writes them |
//! | [`architecture`], [`init`] | widths, names and shapes; initial parameters |

pub mod architecture;
pub mod family;
pub mod init;
pub mod plain;
pub mod vae;

pub use architecture::{Activation, Architecture, LayerShape, LogSigma};
pub use family::Model;
pub use init::{Init, OutputBias, Start};
pub use vae::Vae;
