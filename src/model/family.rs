//! The families of models: matched here and nowhere else in the training loop.

use candle_core::{Result, Tensor, Var};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::architecture::{Architecture, LatentShape};
use super::codebook::StepId;
use super::init::Start;
use super::vae::Vae;
use super::vq_vae::{VqVae, is_weight};
use crate::engine::Backend;
use crate::pass::{Batch, DecoderLoss, Pass};

/// A family, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ModelName {
    /// variational autoencoder: Gaussian latents, one KL
    Vae,
    /// vector-quantised autoencoder: codes from a codebook, two terms that tie them to it
    VqVae,
}

/// A model of one of the families.
#[derive(Clone, Debug)]
pub enum Model {
    /// A variational autoencoder with Gaussian latents.
    Vae(Vae),
    /// A vector-quantised autoencoder.
    VqVae(VqVae),
}

impl Model {
    /// A model of `architecture` with the initial parameters of `start`.
    ///
    /// # Errors
    /// Where a tensor cannot be made, or the bias of `start` has another length than an image.
    pub fn new(architecture: &Architecture, start: &Start<'_>, backend: &Backend) -> Result<Self> {
        match architecture.latents {
            LatentShape::Gaussian { .. } => Vae::new(architecture, start, backend).map(Model::Vae),
            LatentShape::Codes(_) => VqVae::new(architecture, start, backend).map(Model::VqVae),
        }
    }

    /// A pass over `batch`, with `loss` computed of the decoder's output.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn pass(&self, batch: &Batch, loss: &dyn DecoderLoss) -> Result<Pass> {
        match self {
            Model::Vae(vae) => vae.pass(batch, loss),
            Model::VqVae(vq_vae) => vq_vae.pass(batch, loss),
        }
    }

    /// What a family updates by itself once the optimiser has made its step: the codebook of a VQ-VAE that has moving
    /// averages; nothing, for a VAE.
    ///
    /// # Errors
    /// Where a tensor cannot be made.
    pub fn after_step(&mut self, pass: &Pass, at: StepId) -> Result<()> {
        match self {
            Model::Vae(_) => Ok(()),
            Model::VqVae(vq_vae) => vq_vae.after_step(pass, at),
        }
    }

    /// Whether [`Model::start_from`] makes a part of the model from the first batch.
    pub fn starts_from_data(&self) -> bool {
        match self {
            Model::Vae(_) => false,
            Model::VqVae(vq_vae) => vq_vae.shape().init.needs_data(),
        }
    }

    /// Makes what begins with the first batch, whose pixels are `x`, `[batch, pixels]`.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn start_from(&mut self, x: &Tensor) -> Result<()> {
        match self {
            Model::Vae(_) => Ok(()),
            Model::VqVae(vq_vae) => vq_vae.start_from(x),
        }
    }

    /// Logits or means of the pixels, `[batch, pixels]`, for what the decoder reads, `[batch, width]`: z of a VAE, entries of
    /// a VQ-VAE.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn decode(&self, z: &Tensor) -> Result<Tensor> {
        match self {
            Model::Vae(vae) => vae.decode(z),
            Model::VqVae(vq_vae) => vq_vae.decode(z),
        }
    }

    /// What the optimiser moves, under the names that files and PyTorch's `load_state_dict` know, in a fixed order.
    pub fn parameters(&self) -> &[(String, Var)] {
        match self {
            Model::Vae(vae) => vae.parameters(),
            Model::VqVae(vq_vae) => vq_vae.parameters(),
        }
    }

    /// What the optimiser does not move and resuming needs.
    pub fn buffers(&self) -> &[(String, Var)] {
        match self {
            Model::Vae(_) => &[],
            Model::VqVae(vq_vae) => vq_vae.buffers(),
        }
    }

    /// What encoding and decoding need: the parameters, and the codebook whatever moves it.
    pub fn weights(&self) -> impl Iterator<Item = &(String, Var)> {
        self.parameters().iter().chain(self.buffers().iter().filter(|(name, _)| is_weight(name)))
    }

    /// How many numbers of noise a pass takes per image.
    pub fn noise_dim(&self) -> usize {
        match self {
            Model::Vae(vae) => vae.latent_dim(),
            Model::VqVae(_) => 0,
        }
    }

    /// The learned log sigma of the likelihood, where there is one.
    ///
    /// # Errors
    /// Where the number cannot be read.
    pub fn log_sigma(&self) -> Result<Option<f64>> {
        match self {
            Model::Vae(vae) => vae.log_sigma(),
            Model::VqVae(vq_vae) => vq_vae.log_sigma(),
        }
    }

    /// What computes the model, and where.
    pub fn backend(&self) -> &Backend {
        match self {
            Model::Vae(vae) => vae.backend(),
            Model::VqVae(vq_vae) => vq_vae.backend(),
        }
    }
}
