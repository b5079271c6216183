//! The MLP variational autoencoder (Kingma & Welling 2014): x -> (mean, logvar) -> z -> logits or mean of x.

use candle_core::{Result, Tensor, Var};
use candle_nn::{Linear, VarBuilder, VarMap};
use kernels::latent::Noise;

use super::architecture::{Architecture, LatentShape, LogSigma};
use super::init::Start;
use super::plain::Layers;
use crate::engine::decoder::FusedDecoder;
use crate::engine::fused::{self, LayerTensors, NetworkTensors, VaeTensors, Workspaces};
use crate::engine::{Backend, Engine};
use crate::pass::{Batch, DecoderLoss, GaussianLatents, Latents, Pass, Posterior, Sampling, Tape};

/// The model: parameters and how they are applied. Deterministic; all randomness comes in as arguments.
#[derive(Clone, Debug)]
pub struct Vae {
    layers: Layers,
    /// In the order of [`Architecture::layers`], a weight and a bias each, and then the log sigma.
    parameters: Vec<(String, Var)>,
    log_sigma: Option<Var>,
    latent_dim: usize,
    sampling: Sampling,
    backend: Backend,
    workspaces: Workspaces<fused::Workspace>,
}

impl Vae {
    /// A model with the initial parameters of `start`.
    ///
    /// # Errors
    /// Where a tensor cannot be made, the bias of `start` has another length than an image, or the architecture is another
    /// family's.
    pub fn new(architecture: &Architecture, start: &Start<'_>, backend: &Backend) -> Result<Self> {
        let LatentShape::Gaussian { latent_dim, sampling } = architecture.latents else {
            candle_core::bail!("a VAE is made of an architecture with Gaussian latents")
        };
        let (dtype, device) = (backend.dtype(), backend.device());
        let mut parameters = Vec::new();
        for (name, shape, values) in start.draw(architecture)? {
            let tensor = Tensor::from_vec(values, shape, &candle_core::Device::Cpu)?.to_dtype(dtype)?;
            parameters.push((name, Var::from_tensor(&tensor.to_device(device)?)?));
        }
        let log_sigma = match architecture.log_sigma {
            LogSigma::Absent => None,
            LogSigma::Learned => Some(Var::zeros(1, dtype, device)?),
        };
        parameters.extend(log_sigma.iter().map(|p| ("log_sigma".to_owned(), p.clone())));
        let map = VarMap::new();
        match map.data().lock() {
            Ok(mut named) => named.extend(parameters.iter().cloned()),
            Err(_) => candle_core::bail!("the map of parameters is locked by a thread that panicked"),
        }
        Ok(Vae {
            layers: Layers::new(architecture, &VarBuilder::from_varmap(&map, dtype, device))?,
            parameters,
            log_sigma,
            latent_dim,
            sampling,
            backend: backend.clone(),
            workspaces: Workspaces::default(),
        })
    }

    /// A pass over `batch`: encodes x, draws z with the noise, decodes, and computes `loss` of the output.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn pass(&self, batch: &Batch, loss: &dyn DecoderLoss) -> Result<Pass> {
        let log_sigma = self.log_sigma.as_ref().map(|p| p.as_tensor().clone());
        match self.backend.engine() {
            Engine::Fused => {
                let kernel = loss.kernel();
                let (tensors, fused) = fused::vae(self.tensors(kernel)?, &batch.x, &batch.noise, &self.workspaces)?;
                let VaeTensors { decoded, kl, mean, logvar, z } = tensors;
                let energy = if kernel.is_some() { decoded } else { loss.per_image(&decoded, &batch.x)? };
                let latents = Latents::Gaussian(GaussianLatents { posterior: Posterior { mean, logvar }, z, kl });
                let tape = Tape::Fused(Box::new(fused), log_sigma.iter().cloned().collect());
                Ok(Pass { energy, log_sigma, latents, tape })
            }
            Engine::Candle => {
                let posterior = self.layers.encode(&batch.x)?;
                let z = posterior.sample(&batch.noise, self.sampling)?;
                let energy = loss.per_image(&self.layers.decode(&z)?, &batch.x)?;
                let kl = posterior.kl_per_latent()?;
                let latents = Latents::Gaussian(GaussianLatents { posterior, z, kl });
                let tape = Tape::Candle(self.parameters.iter().map(|(_, p)| p.as_tensor().clone()).collect());
                Ok(Pass { energy, log_sigma, latents, tape })
            }
        }
    }

    /// q(z|x) for the pixels `x`, `[batch, pixels]`. Not to be differentiated: see [`Vae::pass`].
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn encode(&self, x: &Tensor) -> Result<Posterior> {
        match self.backend.engine() {
            Engine::Candle => self.layers.encode(x),
            Engine::Fused => {
                let activation = self.layers.activation.kernel();
                let h = fused::mlp(&tensors_of(&self.layers.encoder)?, x, activation, Some(activation))?;
                let head = |layer| fused::mlp(&[tensors(layer)?], &h, activation, None);
                Ok(Posterior { mean: head(&self.layers.mean)?, logvar: head(&self.layers.logvar)? })
            }
        }
    }

    /// Logits or means of the pixels, `[batch, pixels]`, for the codes `z`, `[batch, latent_dim]`. Not to be
    /// differentiated: see [`Vae::pass`].
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn decode(&self, z: &Tensor) -> Result<Tensor> {
        match self.backend.engine() {
            Engine::Candle => self.layers.decode(z),
            Engine::Fused => fused::mlp(&tensors_of(&self.layers.decoder)?, z, self.layers.activation.kernel(), None),
        }
    }

    /// The decoder by itself for many codes of each image, where the engine is fused and has a kernel for `loss`. It has
    /// the weights of this moment.
    ///
    /// # Errors
    /// Where a weight cannot be read.
    pub fn fused_decoder(&self, loss: &dyn DecoderLoss) -> Result<Option<FusedDecoder>> {
        match (self.backend.engine(), loss.kernel()) {
            (Engine::Fused, Some(loss)) => {
                let layers = tensors_of(&self.layers.decoder)?;
                FusedDecoder::new(&layers, self.layers.activation.kernel(), loss).map(Some)
            }
            (Engine::Fused, None) | (Engine::Candle, _) => Ok(None),
        }
    }

    /// The parameters under the names that files and PyTorch's `load_state_dict` know, in a fixed order.
    pub fn parameters(&self) -> &[(String, Var)] {
        &self.parameters
    }

    /// The learned log sigma of the likelihood, where there is one.
    ///
    /// # Errors
    /// Where the number cannot be read.
    pub fn log_sigma(&self) -> Result<Option<f64>> {
        let value = |p: &Var| p.to_dtype(candle_core::DType::F64)?.reshape(())?.to_scalar::<f64>();
        self.log_sigma.as_ref().map(value).transpose()
    }

    /// d, the latents.
    pub fn latent_dim(&self) -> usize {
        self.latent_dim
    }

    /// How z is drawn.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// What computes the model, and where.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The network as the kernels take it.
    fn tensors(&self, loss: Option<kernels::likelihood::Loss>) -> Result<NetworkTensors> {
        Ok(NetworkTensors {
            layers: tensors_of(self.layers.all())?,
            hidden: self.layers.encoder.len(),
            activation: self.layers.activation.kernel(),
            noise: match self.sampling {
                Sampling::Standard => Noise::STANDARD,
                Sampling::Keras201605 => Noise { gain: 0.01, rate: 1.0 },
            },
            loss,
        })
    }
}

fn tensors(layer: &Linear) -> Result<LayerTensors> {
    let Some(bias) = layer.bias() else { candle_core::bail!("a dense layer without a bias") };
    Ok(LayerTensors { weight: layer.weight().clone(), bias: bias.clone() })
}

fn tensors_of<'a>(layers: impl IntoIterator<Item = &'a Linear>) -> Result<Vec<LayerTensors>> {
    layers.into_iter().map(tensors).collect()
}
