//! The families of models: matched here and nowhere else in the training loop.

use candle_core::{Result, Tensor, Var};

use super::vae::Vae;
use crate::engine::Backend;
use crate::pass::{Batch, DecoderLoss, Pass};

/// A model of one of the families.
#[derive(Clone, Debug)]
pub enum Model {
    /// A variational autoencoder with Gaussian latents.
    Vae(Vae),
}

impl Model {
    /// A pass over `batch`, with `loss` computed of the decoder's output.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn pass(&self, batch: &Batch, loss: &dyn DecoderLoss) -> Result<Pass> {
        match self {
            Model::Vae(vae) => vae.pass(batch, loss),
        }
    }

    /// What a family updates by itself once the optimiser has made its step: nothing, for a VAE.
    ///
    /// # Errors
    /// Where a tensor cannot be made.
    pub fn after_step(&mut self, _pass: &Pass) -> Result<()> {
        match self {
            Model::Vae(_) => Ok(()),
        }
    }

    /// Logits or means of the pixels, `[batch, pixels]`, for the codes `z`, `[batch, noise_dim]`.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn decode(&self, z: &Tensor) -> Result<Tensor> {
        match self {
            Model::Vae(vae) => vae.decode(z),
        }
    }

    /// The parameters under the names that files and PyTorch's `load_state_dict` know, in a fixed order.
    pub fn parameters(&self) -> &[(String, Var)] {
        match self {
            Model::Vae(vae) => vae.parameters(),
        }
    }

    /// How many numbers of noise a pass takes per image.
    pub fn noise_dim(&self) -> usize {
        match self {
            Model::Vae(vae) => vae.latent_dim(),
        }
    }

    /// The learned log sigma of the likelihood, where there is one.
    ///
    /// # Errors
    /// Where the number cannot be read.
    pub fn log_sigma(&self) -> Result<Option<f64>> {
        match self {
            Model::Vae(vae) => vae.log_sigma(),
        }
    }

    /// What computes the model, and where.
    pub fn backend(&self) -> &Backend {
        match self {
            Model::Vae(vae) => vae.backend(),
        }
    }
}
