//! Initial parameters, by the convention of the framework that is imitated.

use candle_core::{Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::architecture::{Architecture, LayerShape};
use crate::rng::{Purpose, Stream};

/// How weights and biases begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// PyTorch's nn.Linear: weights and biases uniform in +-1/sqrt(fan_in)
    Pytorch,
    /// Glorot & Bengio 2010, Keras' Dense: weights uniform in +-sqrt(6/(fan_in + fan_out)), biases 0
    Glorot,
    /// weights normal with standard deviation 0.01, biases 0
    Normal,
}

/// Where the bias of the last decoder layer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OutputBias {
    /// as --init has it (0 for glorot and normal)
    Zero,
    /// what makes the untrained output the mean of every training pixel: the model begins at the collapsed solution
    DataMean,
}

/// The name, the shape and the numbers of a parameter.
pub(super) type NamedValues = (String, Vec<usize>, Vec<f32>);

/// The beginning of a training.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// How weights and biases begin.
    pub init: Init,
    /// The seed of their numbers.
    pub seed: u64,
    /// The bias of the last decoder layer, `[pixels]`, where it does not begin as `init` has it.
    pub output_bias: Option<&'a [f32]>,
}

impl Start<'_> {
    /// The name, the shape and the numbers of every parameter of `architecture`'s layers.
    ///
    /// # Errors
    /// Where the output bias has another length than an image.
    pub(super) fn draw(&self, architecture: &Architecture) -> Result<Vec<NamedValues>> {
        let layers = architecture.layers();
        let mut all = Vec::with_capacity(2 * layers.len());
        for (index, layer) in layers.iter().enumerate() {
            let (weight, mut bias) = self.init.draw(layer, self.seed, index);
            if let (Some(given), true) = (self.output_bias, index + 1 == layers.len()) {
                if given.len() != bias.len() {
                    bail!("an output bias of {} numbers for images of {} pixels", given.len(), bias.len())
                }
                bias.copy_from_slice(given);
            }
            all.push((format!("{}.weight", layer.name), vec![layer.outputs, layer.inputs], weight));
            all.push((format!("{}.bias", layer.name), vec![layer.outputs], bias));
        }
        Ok(all)
    }
}

impl Init {
    /// The weight (`[outputs, inputs]`, row-major) and the bias of parameter layer number `index`.
    ///
    /// Each layer has a stream of its own, so that another width elsewhere leaves its numbers alone.
    fn draw(self, layer: &LayerShape, seed: u64, index: usize) -> (Vec<f32>, Vec<f32>) {
        let mut stream = Stream::new(seed, Purpose::Init, 0, index as u64);
        let mut weight = vec![0f32; layer.outputs * layer.inputs];
        let mut bias = vec![0f32; layer.outputs];
        let mut fill = |values: &mut [f32], bound: f64| {
            for value in values {
                *value = (2.0 * stream.uniform() - 1.0) * bound as f32;
            }
        };
        match self {
            Init::Pytorch => {
                let bound = 1.0 / (layer.inputs as f64).sqrt();
                fill(&mut weight, bound);
                fill(&mut bias, bound);
            }
            Init::Glorot => fill(&mut weight, (6.0 / (layer.inputs + layer.outputs) as f64).sqrt()),
            Init::Normal => {
                stream.fill_normal(&mut weight);
                weight.iter_mut().for_each(|w| *w *= 0.01);
            }
        }
        (weight, bias)
    }
}
