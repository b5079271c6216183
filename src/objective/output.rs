//! From the decoder's last layer to the mean of a pixel.

use candle_core::{Result, Tensor};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How the decoder's last layer becomes the mean of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OutputMap {
    /// the mean itself
    Identity,
    /// 1/(1 + exp(-l)), into [0, 1]
    Sigmoid,
    /// tanh(l), into [-1,1]
    Tanh,
}

impl OutputMap {
    /// Means from the decoder's last layer.
    pub fn mean(self, output: &Tensor) -> Result<Tensor> {
        match self {
            OutputMap::Identity => Ok(output.clone()),
            // (1 + tanh(l/2)) / 2, which neither overflows nor divides.
            OutputMap::Sigmoid => (output * 0.5)?.tanh()?.affine(0.5, 0.5),
            OutputMap::Tanh => output.tanh(),
        }
    }

    /// The last layer that gives this mean; means at the ends are held a thousandth away from them.
    pub fn inverse(self, mean: f64) -> f64 {
        match self {
            OutputMap::Identity => mean,
            OutputMap::Sigmoid => logit(mean),
            OutputMap::Tanh => mean.clamp(-0.999, 0.999).atanh(),
        }
    }
}

/// log(p / (1-p)), p held a thousandth away from 0 and 1 (a logit of +-6.9).
pub fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-3, 1.0 - 1e-3);
    (p / (1.0 - p)).ln()
}
