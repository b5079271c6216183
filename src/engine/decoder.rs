//! A decoder by the kernels for many codes of each image: forward alone, with nothing kept for a backward pass.

use std::sync::{Mutex, PoisonError};

use candle_core::Result;
use kernels::Isa;
use kernels::activation::{self, Activation};
use kernels::likelihood::{Loss, row_sums};
use kernels::matmul::{Epilogue, MatRef, matmul};

use super::fused::LayerTensors;

/// The weights of a decoder, and the loss of its output.
#[derive(Debug)]
pub struct FusedDecoder {
    layers: Vec<Dense>,
    activation: Activation,
    loss: Loss,
    /// Outputs of the layers, for as many threads as have asked at the same time.
    buffers: Mutex<Vec<Vec<Vec<f32>>>>,
}

#[derive(Debug)]
struct Dense {
    /// `[outputs, inputs]`
    weight: Vec<f32>,
    /// `[outputs]`
    bias: Vec<f32>,
}

impl FusedDecoder {
    /// A decoder of these layers, the activation between them.
    ///
    /// # Errors
    /// Where a weight cannot be read.
    pub fn new(layers: &[LayerTensors], activation: Activation, loss: Loss) -> Result<Self> {
        let dense = |layer: &LayerTensors| {
            Ok(Dense { weight: layer.weight.flatten_all()?.to_vec1()?, bias: layer.bias.to_vec1()? })
        };
        let layers = layers.iter().map(dense).collect::<Result<_>>()?;
        Ok(FusedDecoder { layers, activation, loss, buffers: Mutex::default() })
    }

    /// The energy of every code in `z`, `[codes, latents]`, against its image in `x`, `[images, pixels]`: the codes of
    /// the first image come first, as many for each.
    ///
    /// # Panics
    /// If `z` is no multiple of the latents, or the codes are no multiple of the images.
    pub fn energies(&self, z: &[f32], x: &[f32], images: usize) -> Vec<f32> {
        let (isa, inputs) = (Isa::best(), |layer: &Dense| layer.weight.len() / layer.bias.len().max(1));
        let codes = z.len() / self.layers.first().map_or(1, inputs).max(1);
        let mut outputs = self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        outputs.resize_with(self.layers.len(), Vec::new);
        for (i, layer) in self.layers.iter().enumerate() {
            let (before, rest) = outputs.split_at_mut(i);
            let h = before.last().map_or(z, |h| h.as_slice());
            let (inputs, width) = (inputs(layer), layer.bias.len());
            let y = &mut rest[0];
            y.resize(codes * width, 0.0);
            let between = (i + 1 < self.layers.len()).then_some(self.activation);
            let finish = match between {
                Some(Activation::Relu) => Epilogue::BiasRelu(&layer.bias),
                Some(Activation::Tanh | Activation::Softplus | Activation::Elu) | None => Epilogue::Bias(&layer.bias),
            };
            let weight = MatRef::new(&layer.weight, width, inputs);
            matmul(isa, MatRef::new(h, codes, inputs), weight.t(), y, finish);
            if let Some(activation @ (Activation::Tanh | Activation::Softplus | Activation::Elu)) = between {
                activation::apply(isa, activation, y);
            }
        }
        let mut energies = vec![0f32; codes];
        if let Some(output) = outputs.last() {
            row_sums(isa, self.loss, output, x, images, &mut energies);
        }
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(outputs);
        energies
    }
}
