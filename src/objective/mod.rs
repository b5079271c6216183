//! What is minimised: weights on the same two numbers, R and K, and the two ledgers that follow.
//!
//! `objective = a * R + b * K`, where R and K are canonical (per image, summed over pixels and latents, averaged over
//! images) and a and b are what a code base's "reduction" amounts to. The effective beta is b / a.

mod kl;
mod likelihood;
mod reduction;

use candle_core::{Result, Tensor};

pub use kl::kl;
pub use likelihood::{Likelihood, Loss, binary_entropy};
pub use reduction::Reduction;

use crate::model::Forward;

/// An objective as a weighting of R and K. Pure numbers and tensor mathematics; knows no file and no flag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// The reconstruction loss.
    pub likelihood: Likelihood,
    /// How the reconstruction is reduced.
    pub reduction: Reduction,
    /// How the KL is reduced.
    pub kl_reduction: Reduction,
    /// The factor that the code base calls beta, before any reduction.
    pub beta: f64,
    /// D, the pixels of an image.
    pub pixels: usize,
    /// d, the latents.
    pub latent_dim: usize,
}

/// The factors on R and K for a batch of a given size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// a, on R.
    pub recon: f64,
    /// b, on K.
    pub kl: f64,
}

/// R and K of every image of a batch, each `[batch]`.
#[derive(Clone, Debug)]
pub struct ImageLosses {
    /// R (or S) in the likelihood's unit.
    pub recon: Tensor,
    /// K in nats.
    pub kl: Tensor,
}

/// Both ledgers for a set of images: averages, each image counted once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ledgers {
    /// a * R as the optimiser saw it.
    pub recon_term: f64,
    /// b * K as the optimiser saw it.
    pub kl_term: f64,
    /// R (or S).
    pub recon: f64,
    /// K.
    pub kl: f64,
}

impl Objective {
    /// The weights for a batch of `batch` images.
    pub fn weights(&self, batch: usize) -> Weights {
        Weights {
            recon: self.reduction.weight(self.pixels, batch),
            kl: self.beta * self.kl_reduction.weight(self.latent_dim, batch),
        }
    }

    /// R and K of every image, from a forward pass on the pixels `x`, `[batch, pixels]`.
    pub fn losses(&self, forward: &Forward, x: &Tensor) -> Result<ImageLosses> {
        Ok(ImageLosses { recon: self.likelihood.recon(&forward.output, x)?, kl: kl(&forward.posterior)? })
    }

    /// The scalar to minimise over a batch: a * mean(R) + b * mean(K).
    pub fn value(&self, losses: &ImageLosses) -> Result<Tensor> {
        let Weights { recon, kl } = self.weights(losses.recon.dim(0)?);
        (losses.recon.mean_all()? * recon)? + (losses.kl.mean_all()? * kl)?
    }

    /// Both ledgers of a batch of `batch` images whose average R and K are given.
    pub fn ledgers(&self, recon: f64, kl: f64, batch: usize) -> Ledgers {
        let weights = self.weights(batch);
        Ledgers { recon_term: weights.recon * recon, kl_term: weights.kl * kl, recon, kl }
    }

    /// b / a for a batch of `batch` images, where the loss is a likelihood.
    pub fn beta_effective(&self, batch: usize) -> Option<f64> {
        let weights = self.weights(batch);
        self.likelihood.beta_effective(weights.recon, weights.kl)
    }

    /// beta * sigma^2 for a batch of `batch` images, in the Gaussian family.
    pub fn beta_sigma2(&self, batch: usize) -> Option<f64> {
        let weights = self.weights(batch);
        self.likelihood.beta_sigma2(weights.recon, weights.kl)
    }

    /// R + K in nats, where the loss is a likelihood.
    pub fn neg_elbo(&self, recon: f64, kl: f64) -> Option<f64> {
        match self.likelihood {
            Likelihood::Bernoulli | Likelihood::Gaussian { .. } => Some(recon + kl),
            Likelihood::SquaredError => None,
        }
    }
}
