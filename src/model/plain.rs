//! The layers of both families as a Candle user writes them: `Linear` from a `VarBuilder`, applied as `Module`s.
//!
//! The fused engine computes the same network from the same parameters; this file is what its results are checked against.

use candle_core::{Module, Result, Tensor};
use candle_nn::{Linear, VarBuilder, linear};

use super::architecture::{Activation, Architecture};
use crate::pass::Posterior;

/// Of a VAE: encoder, two heads, decoder.
#[derive(Clone, Debug)]
pub struct Layers {
    /// Hidden layers, the activation after each.
    pub encoder: Vec<Linear>,
    /// The head that gives the posterior's mean.
    pub mean: Linear,
    /// The head that gives the logarithm of its variance.
    pub logvar: Linear,
    /// Hidden layers, the activation after each, and the output layer.
    pub decoder: Vec<Linear>,
    /// Between the layers.
    pub activation: Activation,
}

impl Layers {
    /// The layers of `architecture`, with the parameters that `vb` has under PyTorch's names.
    ///
    /// # Errors
    /// Where a parameter is missing or has another shape.
    pub fn new(architecture: &Architecture, vb: &VarBuilder<'_>) -> Result<Self> {
        let shapes = architecture.layers();
        let mut layers = shapes.iter().map(|shape| linear(shape.inputs, shape.outputs, vb.pp(&shape.name)));
        let encoder = layers.by_ref().take(architecture.hidden.len()).collect::<Result<_>>()?;
        let (Some(mean), Some(logvar)) = (layers.next(), layers.next()) else {
            candle_core::bail!("an architecture always has a mean and a logvar layer")
        };
        let decoder = layers.collect::<Result<_>>()?;
        Ok(Layers { encoder, mean: mean?, logvar: logvar?, decoder, activation: architecture.activation })
    }

    /// q(z|x) for the pixels `x`, `[batch, pixels]`.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn encode(&self, x: &Tensor) -> Result<Posterior> {
        let h = hidden(&self.encoder, self.activation, x)?;
        Ok(Posterior { mean: self.mean.forward(&h)?, logvar: self.logvar.forward(&h)? })
    }

    /// Logits or means of the pixels, `[batch, pixels]`, for the codes `z`, `[batch, latent_dim]`.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn decode(&self, z: &Tensor) -> Result<Tensor> {
        output(&self.decoder, self.activation, z)
    }

    /// All layers, in the order of [`Architecture::layers`].
    pub fn all(&self) -> impl Iterator<Item = &Linear> {
        self.encoder.iter().chain([&self.mean, &self.logvar]).chain(&self.decoder)
    }
}

/// Of a VQ-VAE: encoder, one head, decoder.
#[derive(Clone, Debug)]
pub struct CodeLayers {
    /// Hidden layers, the activation after each.
    pub encoder: Vec<Linear>,
    /// The head that gives the vectors to quantise.
    pub codes: Linear,
    /// Hidden layers, the activation after each, and the output layer.
    pub decoder: Vec<Linear>,
    /// Between the layers.
    pub activation: Activation,
}

impl CodeLayers {
    /// The layers of `architecture`, with the parameters that `vb` has under PyTorch's names.
    ///
    /// # Errors
    /// Where a parameter is missing or has another shape.
    pub fn new(architecture: &Architecture, vb: &VarBuilder<'_>) -> Result<Self> {
        let shapes = architecture.layers();
        let mut layers = shapes.iter().map(|shape| linear(shape.inputs, shape.outputs, vb.pp(&shape.name)));
        let encoder = layers.by_ref().take(architecture.hidden.len()).collect::<Result<_>>()?;
        let Some(codes) = layers.next() else { candle_core::bail!("an architecture always has a layer of codes") };
        let decoder = layers.collect::<Result<_>>()?;
        Ok(CodeLayers { encoder, codes: codes?, decoder, activation: architecture.activation })
    }

    /// The vectors to quantise, `[batch, N * d]`, for the pixels `x`, `[batch, pixels]`.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn encode(&self, x: &Tensor) -> Result<Tensor> {
        self.codes.forward(&hidden(&self.encoder, self.activation, x)?)
    }

    /// Logits or means of the pixels, `[batch, pixels]`, for the entries `e`, `[batch, N * d]`.
    ///
    /// # Errors
    /// Where shapes do not fit together.
    pub fn decode(&self, e: &Tensor) -> Result<Tensor> {
        output(&self.decoder, self.activation, e)
    }

    /// All layers, in the order of [`Architecture::layers`].
    pub fn all(&self) -> impl Iterator<Item = &Linear> {
        self.encoder.iter().chain([&self.codes]).chain(&self.decoder)
    }
}

/// Layers with the activation after each.
fn hidden(layers: &[Linear], activation: Activation, x: &Tensor) -> Result<Tensor> {
    layers.iter().try_fold(x.clone(), |h, layer| activation.forward(&layer.forward(&h)?))
}

/// Layers with the activation between them.
fn output(layers: &[Linear], activation: Activation, z: &Tensor) -> Result<Tensor> {
    let mut h = z.clone();
    for (i, layer) in layers.iter().enumerate() {
        h = layer.forward(&h)?;
        if i + 1 < layers.len() {
            h = activation.forward(&h)?;
        }
    }
    Ok(h)
}
