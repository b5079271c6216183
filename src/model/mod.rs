//! The MLP variational autoencoder: x -> (mean, logvar) -> z -> logits or mean of x.

mod init;

use candle_core::{DType, Device, Result, Tensor, Var};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use init::{Init, OutputBias};

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
    /// z = mean + sigma * noise (the reparameterisation trick, Kingma & Welling 2014, section 2.4), or a variant of it.
    pub fn sample(&self, noise: &Tensor, sampling: Sampling) -> Result<Tensor> {
        match sampling {
            Sampling::Standard => &self.mean + ((&self.logvar * 0.5)?.exp()? * noise)?,
            Sampling::Keras201605 => &self.mean + ((self.logvar.exp()? * noise)? * 0.01)?,
        }
    }
}

/// What one pass gives.
#[derive(Clone, Debug)]
pub struct Forward {
    /// q(z|x).
    pub posterior: Posterior,
    /// The sample that was decoded, `[batch, latent_dim]`.
    pub z: Tensor,
    /// Logits (Bernoulli) or means of the pixels, `[batch, pixels]`.
    pub output: Tensor,
}

#[derive(Clone, Debug)]
struct Dense {
    weight: Var,
    bias: Var,
}

impl Dense {
    /// x W^T + b, `[batch, inputs]` to `[batch, outputs]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)
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
            candle_core::bail!("an architecture always has a mean and a logvar layer")
        };
        let log_sigma = match architecture.log_sigma {
            LogSigma::Absent => None,
            LogSigma::Learned => Some(Var::zeros(1, dtype, device)?),
        };
        let Architecture { activation, sampling, .. } = *architecture;
        Ok(Vae { encoder, mean, logvar, decoder: rest.collect(), log_sigma, activation, sampling, layers })
    }

    /// q(z|x) for the pixels `x`, `[batch, pixels]`.
    pub fn encode(&self, x: &Tensor) -> Result<Posterior> {
        let mut h = x.clone();
        for layer in &self.encoder {
            h = self.activation.apply(&layer.forward(&h)?)?;
        }
        Ok(Posterior { mean: self.mean.forward(&h)?, logvar: self.logvar.forward(&h)? })
    }

    /// Logits or means of the pixels, `[batch, pixels]`, for the codes `z`, `[batch, latent_dim]`.
    pub fn decode(&self, z: &Tensor) -> Result<Tensor> {
        let mut h = z.clone();
        for (i, layer) in self.decoder.iter().enumerate() {
            h = layer.forward(&h)?;
            if i + 1 < self.decoder.len() {
                h = self.activation.apply(&h)?;
            }
        }
        Ok(h)
    }

    /// Encodes `x`, samples z with `noise` (`[batch, latent_dim]`, standard normal) and decodes.
    pub fn forward(&self, x: &Tensor, noise: &Tensor) -> Result<Forward> {
        let posterior = self.encode(x)?;
        let z = posterior.sample(noise, self.sampling)?;
        let output = self.decode(&z)?;
        Ok(Forward { posterior, z, output })
    }

    /// The parameters under the names that files and PyTorch's `load_state_dict` know, in a fixed order.
    pub fn parameters(&self) -> Vec<(String, &Var)> {
        let dense = self.encoder.iter().chain([&self.mean, &self.logvar]).chain(&self.decoder);
        self.layers
            .iter()
            .zip(dense)
            .flat_map(|(shape, layer)| {
                [(format!("{}.weight", shape.name), &layer.weight), (format!("{}.bias", shape.name), &layer.bias)]
            })
            .chain(self.log_sigma.iter().map(|log_sigma| ("log_sigma".to_owned(), log_sigma)))
            .collect()
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
