//! The widths of the network, and the names and shapes of its parameters.

use candle_core::{Module, Result, Tensor};
use clap::ValueEnum;
use kernels::activation;
use serde::{Deserialize, Serialize};

use super::codebook::CodeShape;
use crate::pass::Sampling;

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
    /// x where x > 0, else exp(x) - 1
    Elu,
}

impl Activation {
    /// The kernel of the same name.
    pub(crate) fn kernel(self) -> activation::Activation {
        match self {
            Activation::Relu => activation::Activation::Relu,
            Activation::Tanh => activation::Activation::Tanh,
            Activation::Softplus => activation::Activation::Softplus,
            Activation::Elu => activation::Activation::Elu,
        }
    }
}

impl Module for Activation {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Activation::Relu => x.relu(),
            Activation::Tanh => x.tanh(),
            // max(x, 0) + log(1 + exp(-|x|)) never overflows.
            Activation::Softplus => x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?,
            Activation::Elu => x.elu(1.0),
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

/// What stands between encoder and decoder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LatentShape {
    /// A VAE's latents.
    Gaussian {
        /// d, latents.
        latent_dim: usize,
        /// How z is drawn.
        sampling: Sampling,
    },
    /// A VQ-VAE's codes.
    Codes(CodeShape),
}

impl LatentShape {
    /// Numbers that the decoder reads for an image.
    pub fn width(self) -> usize {
        match self {
            LatentShape::Gaussian { latent_dim, .. } => latent_dim,
            LatentShape::Codes(shape) => shape.codes.saturating_mul(shape.code_dim),
        }
    }
}

/// The widths of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// D, pixels of an image.
    pub pixels: usize,
    /// Widths of the encoder's hidden layers; the decoder has them in reverse. Empty: a linear VAE.
    pub hidden: Vec<usize>,
    /// What stands between encoder and decoder.
    pub latents: LatentShape,
    /// Between the layers.
    pub activation: Activation,
    /// Whether a log sigma of the likelihood is learned with the weights.
    pub log_sigma: LogSigma,
}

/// One dense layer by name and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// `encoder.0`, `mean`, `logvar` (or `codes`), `decoder.0`, ...
    pub name: String,
    /// Columns of the weight.
    pub inputs: usize,
    /// Rows of the weight, and the length of the bias.
    pub outputs: usize,
}

impl Architecture {
    /// The layers in the order of their parameters: encoder, mean and logvar (or codes), decoder.
    pub fn layers(&self) -> Vec<LayerShape> {
        let layer = |name: String, inputs, outputs| LayerShape { name, inputs, outputs };
        let mut layers = Vec::new();
        let mut width = self.pixels;
        for (i, &next) in self.hidden.iter().enumerate() {
            layers.push(layer(format!("encoder.{i}"), width, next));
            width = next;
        }
        let heads: &[&str] = match self.latents {
            LatentShape::Gaussian { .. } => &["mean", "logvar"],
            LatentShape::Codes(_) => &["codes"],
        };
        layers.extend(heads.iter().map(|&head| layer(head.into(), width, self.latents.width())));
        width = self.latents.width();
        for (i, &next) in self.hidden.iter().rev().chain([&self.pixels]).enumerate() {
            layers.push(layer(format!("decoder.{i}"), width, next));
            width = next;
        }
        layers
    }

    /// How many numbers are learned. Wide enough for any widths that can be typed.
    pub fn parameter_count(&self) -> u128 {
        let codebook = match self.latents {
            LatentShape::Gaussian { .. } => 0,
            LatentShape::Codes(shape) => shape.codebook_size as u128 * shape.code_dim as u128,
        };
        self.layers().iter().map(|l| (l.inputs as u128 + 1) * l.outputs as u128).sum::<u128>() + codebook
    }

    /// Numbers held per image in a forward pass, over all layers.
    pub fn activation_count(&self) -> u128 {
        let scores = match self.latents {
            LatentShape::Gaussian { .. } => 0,
            LatentShape::Codes(shape) => shape.codes as u128 * shape.codebook_size as u128,
        };
        self.layers().iter().map(|l| l.outputs as u128).sum::<u128>() + self.pixels as u128 + scores
    }
}
