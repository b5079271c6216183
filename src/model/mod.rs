//! The MLP variational autoencoder: x -> (mean, logvar) -> z -> logits or mean of x.

mod init;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, Var, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use init::{Init, OutputBias};

use crate::engine::fused::{self as ops, LayerTensors, NetworkTensors, VaeTensors, Workspaces};
use crate::optimizer::Gradient;
use kernels::activation::Activation as Nonlinearity;
use kernels::latent::Noise;
use kernels::likelihood::Loss;

/// The nonlinearity between dense layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// hyperbolic tangent
    Tanh,
    /// log(1 + exp(x))
    Softplus,
}

impl Activation {
    fn apply(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Activation::Relu => x.relu(),
            Activation::Tanh => x.tanh(),
            // max(x, 0) + log(1 + exp(-|x|)) never overflows.
            Activation::Softplus => x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?,
        }
    }

    /// The kernel of the same name.
    fn kernel(self) -> Nonlinearity {
        match self {
            Activation::Relu => Nonlinearity::Relu,
            Activation::Tanh => Nonlinearity::Tanh,
            Activation::Softplus => Nonlinearity::Softplus,
        }
    }
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

impl Sampling {
    /// z = mean + gain * exp(rate * logvar) * noise.
    fn noise(self) -> Noise {
        match self {
            Sampling::Standard => Noise::STANDARD,
            Sampling::Keras201605 => Noise { gain: 0.01, rate: 1.0 },
        }
    }
}

/// Whether the likelihood's scale is a parameter of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSigma {
    /// It is not.
    Absent,
    /// It is, and begins at 0.
    Learned,
}

/// The widths of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// D, pixels of an image.
    pub pixels: usize,
    /// Widths of the encoder's hidden layers; the decoder has them in reverse. Empty: a linear VAE.
    pub hidden: Vec<usize>,
    /// d, latents.
    pub latent_dim: usize,
    /// Between the layers.
    pub activation: Activation,
    /// How z is drawn.
    pub sampling: Sampling,
    /// Whether a log sigma of the likelihood is learned with the weights.
    pub log_sigma: LogSigma,
}

/// One dense layer by name and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// `encoder.0`, `mean`, `logvar`, `decoder.0`, ...
    pub name: String,
    /// Columns of the weight.
    pub inputs: usize,
    /// Rows of the weight, and the length of the bias.
    pub outputs: usize,
}

impl Architecture {
    /// The layers in the order of their parameters: encoder, mean, logvar, decoder.
    pub fn layers(&self) -> Vec<LayerShape> {
        let layer = |name: String, inputs, outputs| LayerShape { name, inputs, outputs };
        let mut layers = Vec::new();
        let mut width = self.pixels;
        for (i, &next) in self.hidden.iter().enumerate() {
            layers.push(layer(format!("encoder.{i}"), width, next));
            width = next;
        }
        layers.push(layer("mean".into(), width, self.latent_dim));
        layers.push(layer("logvar".into(), width, self.latent_dim));
        width = self.latent_dim;
        for (i, &next) in self.hidden.iter().rev().chain([&self.pixels]).enumerate() {
            layers.push(layer(format!("decoder.{i}"), width, next));
            width = next;
        }
        layers
    }

    /// How many numbers are learned. Wide enough for any widths that can be typed.
    pub fn parameter_count(&self) -> u128 {
        self.layers().iter().map(|l| (l.inputs as u128 + 1) * l.outputs as u128).sum()
    }

    /// Numbers held per image in a forward pass, over all layers.
    pub fn activation_count(&self) -> u128 {
        self.layers().iter().map(|l| l.outputs as u128).sum::<u128>() + self.pixels as u128
    }
}

/// The approximate posterior q(z|x) = N(mean, exp(logvar)) of a batch; both `[batch, latent_dim]`.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// The mean.
    pub mean: Tensor,
    /// The logarithm of the variance (not of the standard deviation).
    pub logvar: Tensor,
}

impl Posterior {
    /// KL of every latent of every image, `[batch, latent_dim]`, in nats, never negative.
    ///
    /// Kingma & Welling 2014, appendix B: KL(N(mean, sigma^2) || N(0, 1)) = 1/2 (mean^2 + sigma^2 - 1 - log sigma^2).
    pub fn kl_per_latent(&self) -> Result<Tensor> {
        ((self.mean.sqr()? + self.logvar.exp()?)? - self.logvar.affine(1.0, 1.0)?)? * 0.5
    }

    /// z = mean + sigma * noise (the reparameterisation trick, Kingma & Welling 2014, section 2.4), or a variant of it.
    pub fn sample(&self, noise: &Tensor, sampling: Sampling) -> Result<Tensor> {
        match sampling {
            Sampling::Standard => &self.mean + ((&self.logvar * 0.5)?.exp()? * noise)?,
            Sampling::Keras201605 => &self.mean + ((self.logvar.exp()? * noise)? * 0.01)?,
        }
    }
}

/// The latent side of a pass.
#[derive(Clone, Debug)]
pub struct Latents {
    /// q(z|x).
    pub posterior: Posterior,
    /// The sample that was decoded, `[batch, latent_dim]`.
    pub z: Tensor,
    /// KL(q(z|x) || p(z)) of every latent of every image, `[batch, latent_dim]`, in nats.
    pub kl: Tensor,
}

/// A pass of the model over a batch.
#[derive(Debug)]
pub struct Pass {
    /// The latent side.
    pub latents: Latents,
    /// Logits or means of the pixels, `[batch, pixels]`; or their loss, `[batch]`, where that was asked for.
    pub decoded: Tensor,
    /// How it goes back.
    pub way_back: WayBack,
}

impl Pass {
    fn by_kernels((tensors, pass): (VaeTensors, ops::Pass)) -> Self {
        let VaeTensors { decoded, kl, mean, logvar, z } = tensors;
        let latents = Latents { posterior: Posterior { mean, logvar }, z, kl };
        Pass { latents, decoded, way_back: WayBack::Kernels(Box::new(pass)) }
    }
}

/// How gradients get from what a pass computed to the parameters.
#[derive(Debug)]
pub enum WayBack {
    /// Candle's graph reaches the parameters.
    Candle,
    /// Candle's graph ends where the kernels' part begins.
    Kernels(Box<ops::Pass>),
}

#[derive(Clone, Debug)]
struct Dense {
    weight: Var,
    bias: Var,
}

impl Dense {
    /// x W^T + b, then the activation: `[batch, inputs]` to `[batch, outputs]`.
    fn forward(&self, x: &Tensor, activation: Option<Activation>) -> Result<Tensor> {
        if ops::serve(x) {
            return ops::dense(x, &self.weight, &self.bias, activation.map(Activation::kernel));
        }
        let y = x.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)?;
        activation.map_or(Ok(y.clone()), |activation| activation.apply(&y))
    }
}

/// The model: parameters and how they are applied. Deterministic; all randomness comes in as arguments.
#[derive(Clone, Debug)]
pub struct Vae {
    encoder: Vec<Dense>,
    mean: Dense,
    logvar: Dense,
    decoder: Vec<Dense>,
    log_sigma: Option<Var>,
    activation: Activation,
    sampling: Sampling,
    layers: Vec<LayerShape>,
    workspaces: Workspaces,
}

impl Vae {
    /// A model with the initial parameters of `init` under `seed`, with this bias on the output (`[pixels]`).
    pub fn new(
        architecture: &Architecture,
        init: Init,
        seed: u64,
        output_bias: Option<&[f32]>,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let layers = architecture.layers();
        let mut dense = Vec::with_capacity(layers.len());
        for (index, layer) in layers.iter().enumerate() {
            let (weight, mut bias) = init.draw(layer, seed, index);
            if let (Some(given), true) = (output_bias, index + 1 == layers.len()) {
                bias.copy_from_slice(given);
            }
            let var = |values: Vec<f32>, shape: &[usize]| {
                Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?)
            };
            dense.push(Dense {
                weight: var(weight, &[layer.outputs, layer.inputs])?,
                bias: var(bias, &[layer.outputs])?,
            });
        }
        let mut rest = dense.into_iter();
        let encoder = rest.by_ref().take(architecture.hidden.len()).collect();
        let (Some(mean), Some(logvar)) = (rest.next(), rest.next()) else {
            bail!("an architecture always has a mean and a logvar layer")
        };
        let log_sigma = match architecture.log_sigma {
            LogSigma::Absent => None,
            LogSigma::Learned => Some(Var::zeros(1, dtype, device)?),
        };
        let Architecture { activation, sampling, .. } = *architecture;
        let (decoder, workspaces) = (rest.collect(), Workspaces::default());
        Ok(Vae { encoder, mean, logvar, decoder, log_sigma, activation, sampling, layers, workspaces })
    }

    /// q(z|x) for the pixels `x`, `[batch, pixels]`. Not to be differentiated: see [`Vae::forward`].
    pub fn encode(&self, x: &Tensor) -> Result<Posterior> {
        let mut h = x.clone();
        for layer in &self.encoder {
            h = layer.forward(&h, Some(self.activation))?;
        }
        Ok(Posterior { mean: self.mean.forward(&h, None)?, logvar: self.logvar.forward(&h, None)? })
    }

    /// Logits or means of the pixels, `[batch, pixels]`, for the codes `z`, `[batch, latent_dim]`. Not to be
    /// differentiated: see [`Vae::forward`].
    pub fn decode(&self, z: &Tensor) -> Result<Tensor> {
        let mut h = z.clone();
        for (i, layer) in self.decoder.iter().enumerate() {
            let last = i + 1 == self.decoder.len();
            h = layer.forward(&h, (!last).then_some(self.activation))?;
        }
        Ok(h)
    }

    /// Encodes `x`, samples z with `noise` (`[batch, latent_dim]`, standard normal) and decodes.
    pub fn forward(&self, x: &Tensor, noise: &Tensor) -> Result<Pass> {
        if ops::serve(x) {
            return ops::vae(self.tensors(None), x, noise, &self.workspaces).map(Pass::by_kernels);
        }
        let posterior = self.encode(x)?;
        let z = posterior.sample(noise, self.sampling)?;
        let decoded = self.decode(&z)?;
        let kl = posterior.kl_per_latent()?;
        Ok(Pass { latents: Latents { posterior, z, kl }, decoded, way_back: WayBack::Candle })
    }

    /// [`Vae::forward`] with the loss of every image in place of the output, which is then never seen: the fast way,
    /// where the kernels serve.
    pub fn forward_to_loss(&self, x: &Tensor, noise: &Tensor, loss: Loss) -> Result<Option<Pass>> {
        if !ops::serve(x) {
            return Ok(None);
        }
        ops::vae(self.tensors(Some(loss)), x, noise, &self.workspaces).map(Pass::by_kernels).map(Some)
    }

    /// The network as the kernels take it.
    fn tensors(&self, loss: Option<Loss>) -> NetworkTensors {
        let layer = |dense: &Dense| LayerTensors {
            weight: dense.weight.as_tensor().clone(),
            bias: dense.bias.as_tensor().clone(),
        };
        NetworkTensors {
            layers: self.dense().map(layer).collect(),
            hidden: self.encoder.len(),
            activation: self.activation.kernel(),
            noise: self.sampling.noise(),
            loss,
        }
    }

    /// All layers, in the order of [`Architecture::layers`].
    fn dense(&self) -> impl Iterator<Item = &Dense> {
        self.encoder.iter().chain([&self.mean, &self.logvar]).chain(&self.decoder)
    }

    /// The parameters under the names that files and PyTorch's `load_state_dict` know, in a fixed order.
    pub fn parameters(&self) -> Vec<(String, &Var)> {
        self.layers
            .iter()
            .zip(self.dense())
            .flat_map(|(shape, layer)| {
                [(format!("{}.weight", shape.name), &layer.weight), (format!("{}.bias", shape.name), &layer.bias)]
            })
            .chain(self.log_sigma.iter().map(|log_sigma| ("log_sigma".to_owned(), log_sigma)))
            .collect()
    }

    /// The gradients of an objective, in the order of [`Vae::parameters`]: `store` is what its backward pass through
    /// Candle's graph gave, `way_back` belongs to the pass that it was made from.
    ///
    /// # Errors
    /// Where a parameter had no part in what was differentiated.
    pub fn gradients<'a>(&self, way_back: &'a mut WayBack, store: &GradStore) -> Result<Vec<Gradient<'a>>> {
        let in_store = |p: &Var| match store.get(p) {
            Some(gradient) => Ok(Gradient::Tensor(gradient.clone())),
            None => bail!("a parameter of shape {:?} has no part in the objective", p.shape()),
        };
        let mut all: Vec<_> = match way_back {
            WayBack::Kernels(pass) => pass.backward(store)?.map(Gradient::Host).collect(),
            WayBack::Candle => {
                self.dense().flat_map(|layer| [&layer.weight, &layer.bias]).map(in_store).collect::<Result<_>>()?
            }
        };
        if let Some(log_sigma) = &self.log_sigma {
            all.push(in_store(log_sigma)?);
        }
        Ok(all)
    }

    /// How z is drawn.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// The learned log sigma of the likelihood, `[1]`, where there is one.
    pub fn log_sigma(&self) -> Option<&Var> {
        self.log_sigma.as_ref()
    }

    /// Its value.
    pub fn log_sigma_value(&self) -> Result<Option<f64>> {
        let value = |p: &Var| p.to_dtype(DType::F64)?.reshape(())?.to_scalar::<f64>();
        self.log_sigma.as_ref().map(value).transpose()
    }
}
