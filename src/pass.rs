//! What a model hands to an objective: the result of one pass over a batch, and the way back.

use candle_core::backprop::GradStore;
use candle_core::{D, Result, Tensor};
use clap::ValueEnum;
use kernels::likelihood;
use serde::{Deserialize, Serialize};

use crate::engine::fused::FusedPass;
use crate::engine::fused_codes::FusedCodesPass;

/// What a pass is made over.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Pixels, `[batch, pixels]`.
    pub x: Tensor,
    /// Standard normal noise, `[batch, latent_dim]`; `[batch, 0]` for a model that takes none.
    pub noise: Tensor,
}

/// What is computed of a decoder's output: the only thing that a model knows of a loss.
pub trait DecoderLoss {
    /// The fused kernel that computes it, where there is one.
    fn kernel(&self) -> Option<likelihood::Loss>;

    /// The energy of every image, `[batch]`, from the decoder's last layer and the pixels `x`, both `[batch, pixels]`.
    ///
    /// # Errors
    /// Where shapes differ.
    fn per_image(&self, output: &Tensor, x: &Tensor) -> Result<Tensor>;
}

/// How z is drawn from the encoder's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// z = mean + exp(logvar/2) * noise
    Standard,
    /// z = mean + 0.01 * exp(logvar) * noise, as keras' example of 2016-05 draws it: nearly without noise
    #[value(name = "keras-2016-05")]
    #[serde(rename = "keras-2016-05")]
    Keras201605,
}

/// The approximate posterior q(z|x) = N(mean, exp(logvar)) of a batch; both `[batch, latent_dim]`.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// The mean.
    pub mean: Tensor,
    /// The logarithm of the variance (not of the standard deviation).
    pub logvar: Tensor,
}

/// The latent side of a VAE's pass.
#[derive(Clone, Debug)]
pub struct GaussianLatents {
    /// q(z|x).
    pub posterior: Posterior,
    /// The sample that was decoded, `[batch, latent_dim]`.
    pub z: Tensor,
    /// KL(q(z|x) || p(z)) of every latent of every image, `[batch, latent_dim]`, in nats.
    pub kl: Tensor,
}

/// The latent side of a VQ-VAE's pass.
#[derive(Clone, Debug)]
pub struct CodeLatents {
    /// The encoder's output, `[batch, N * d]`; no gradient flows through it.
    pub z: Tensor,
    /// The codebook entry of every code, `[batch * N]`.
    pub codes: Vec<u32>,
    /// |sg\[z\] - e|^2 of every image, summed over its codes, `[batch]`.
    pub codebook: Tensor,
    /// |z - sg\[e\]|^2 of every image, summed over its codes, `[batch]`.
    pub commitment: Tensor,
}

/// The latent side of a pass, by the family of the model.
#[derive(Clone, Debug)]
pub enum Latents {
    /// Of a VAE.
    Gaussian(GaussianLatents),
    /// Of a VQ-VAE.
    Codes(CodeLatents),
}

/// A pass of a model over a batch: small leaves of Candle's graph that an objective is built from.
#[derive(Debug)]
pub struct Pass {
    /// The energy of every image, `[batch]`: what the loss sums over its pixels.
    pub energy: Tensor,
    /// The learned log sigma of the likelihood, `[1]`, where there is one.
    pub log_sigma: Option<Tensor>,
    /// The latent side.
    pub latents: Latents,
    /// How gradients get from here to the parameters.
    pub tape: Tape,
}

/// How gradients get from what a pass computed to the parameters.
#[derive(Debug)]
pub enum Tape {
    /// Candle's graph reaches the parameters: these, in the order of the model's.
    Candle(Vec<Tensor>),
    /// Candle's graph ends where the fused pass begins; the parameters after the network's own are leaves of the graph.
    Fused(Box<FusedPass>, Vec<Tensor>),
    /// The same for the fused pass of a VQ-VAE.
    FusedCodes(Box<FusedCodesPass>, Vec<Tensor>),
}

/// The gradient of one parameter.
#[derive(Clone, Debug)]
pub enum Gradient<'a> {
    /// As Candle computed it.
    Tensor(Tensor),
    /// Where the kernels left it.
    Host(&'a [f32]),
}

impl Tape {
    /// The gradients of an objective in the order of the model's parameters; `store` is what its backward pass through
    /// Candle's graph gave.
    ///
    /// # Errors
    /// Where a parameter had no part in the objective.
    pub fn gradients(&mut self, store: &GradStore) -> Result<Vec<Gradient<'_>>> {
        let in_store = |p: &Tensor| match store.get(p) {
            Some(gradient) => Ok(Gradient::Tensor(gradient.clone())),
            None => candle_core::bail!("a parameter of shape {:?} has no part in the objective", p.shape()),
        };
        match self {
            Tape::Candle(parameters) => parameters.iter().map(in_store).collect(),
            Tape::Fused(pass, rest) => {
                let rest = rest.iter().map(in_store).collect::<Result<Vec<_>>>()?;
                Ok(pass.backward(store)?.map(Gradient::Host).chain(rest).collect())
            }
            Tape::FusedCodes(pass, rest) => {
                let rest = rest.iter().map(in_store).collect::<Result<Vec<_>>>()?;
                Ok(pass.backward(store)?.map(Gradient::Host).chain(rest).collect())
            }
        }
    }
}

impl Gradient<'_> {
    /// The numbers in one vector.
    ///
    /// # Errors
    /// Where a tensor cannot be read.
    pub fn to_vec(&self) -> Result<Vec<f32>> {
        match self {
            Gradient::Tensor(gradient) => gradient.to_dtype(candle_core::DType::F32)?.flatten_all()?.to_vec1(),
            Gradient::Host(gradient) => Ok(gradient.to_vec()),
        }
    }
}

impl Posterior {
    /// KL of every latent of every image, `[batch, latent_dim]`, in nats, never negative.
    ///
    /// Kingma & Welling 2014, appendix B: KL(N(mean, sigma^2) || N(0, 1)) = 1/2 (mean^2 + sigma^2 - 1 - log sigma^2).
    ///
    /// # Errors
    /// Where shapes differ.
    pub fn kl_per_latent(&self) -> Result<Tensor> {
        ((self.mean.sqr()? + self.logvar.exp()?)? - self.logvar.affine(1.0, 1.0)?)? * 0.5
    }

    /// z = mean + sigma * noise (the reparameterisation trick, Kingma & Welling 2014, section 2.4), or a variant of it.
    ///
    /// # Errors
    /// Where shapes differ.
    pub fn sample(&self, noise: &Tensor, sampling: Sampling) -> Result<Tensor> {
        match sampling {
            Sampling::Standard => &self.mean + ((&self.logvar * 0.5)?.exp()? * noise)?,
            Sampling::Keras201605 => &self.mean + ((self.logvar.exp()? * noise)? * 0.01)?,
        }
    }

    /// log q(z|x) - log p(z) of every image, `[batch]`, for `z` drawn with standard deviation exp(logvar/2).
    ///
    /// # Errors
    /// Where shapes differ.
    pub fn log_ratio(&self, z: &Tensor) -> Result<Tensor> {
        // log N(z; mean, sigma^2) - log N(z; 0, 1): the log(2 pi) of both cancel.
        let Posterior { mean, logvar } = self;
        let scaled = ((z - mean)?.sqr()? * logvar.neg()?.exp()?)?;
        (((z.sqr()? - scaled)? - logvar)? * 0.5)?.sum(D::Minus1)
    }
}

impl GaussianLatents {
    /// log q(z|x) - log p(z) of every image at the sample that was decoded, `[batch]`.
    ///
    /// # Errors
    /// Where shapes differ.
    pub fn log_ratio(&self) -> Result<Tensor> {
        self.posterior.log_ratio(&self.z)
    }
}
