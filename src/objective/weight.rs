//! The weight of a loss term: its reduction, and the factors that code bases put in front of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ratio::Ratio;
use super::reduction::Reduction;

/// A factor on a loss term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LossScale {
    /// As it is.
    Number(f64),
    /// D: turns a mean over pixels into a sum ("784 * mse").
    Pixels,
    /// 1/D.
    PerPixel,
    /// 1 over the variance of all training pixels around their common mean (sonnet's VQ-VAE).
    PerDataVariance,
    /// 1/(B*D) with the batch size that was asked for, whatever a batch really holds (pytorch/examples in 2017).
    PerBatchPixel,
}

/// What factors are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes {
    /// D.
    pub pixels: usize,
    /// The batch size that was asked for.
    pub batch_size: usize,
    /// Variance of all training pixels around their common mean.
    pub data_variance: f64,
}

impl LossScale {
    /// The factor for data of these sizes.
    pub fn value(self, sizes: &Sizes) -> Ratio {
        let pixels = sizes.pixels as f64;
        match self {
            LossScale::Number(value) => Ratio::from(value),
            LossScale::Pixels => Ratio::from(pixels),
            LossScale::PerPixel => Ratio::new(1.0, pixels),
            LossScale::PerDataVariance => Ratio::new(1.0, sizes.data_variance),
            LossScale::PerBatchPixel => Ratio::new(1.0, sizes.batch_size as f64 * pixels),
        }
    }
}

impl fmt::Display for LossScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LossScale::Number(value) => write!(f, "{value}"),
            LossScale::Pixels => f.write_str("pixels"),
            LossScale::PerPixel => f.write_str("1/pixels"),
            LossScale::PerDataVariance => f.write_str("1/data-variance"),
            LossScale::PerBatchPixel => f.write_str("1/batch-pixels"),
        }
    }
}

impl FromStr for LossScale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "pixels" => Ok(LossScale::Pixels),
            "1/pixels" => Ok(LossScale::PerPixel),
            "1/data-variance" => Ok(LossScale::PerDataVariance),
            "1/batch-pixels" => Ok(LossScale::PerBatchPixel),
            number => match fraction(number) {
                Some(value) if value.is_finite() && value > 0.0 => Ok(LossScale::Number(value)),
                _ => Err("write a number above 0 such as 0.5 or 1/784, or pixels, 1/pixels, 1/data-variance or 1/batch-pixels".to_owned()),
            },
        }
    }
}

/// A number, or one over another.
fn fraction(text: &str) -> Option<f64> {
    match text.split_once('/') {
        Some((over, under)) => Some(over.trim().parse::<f64>().ok()? / under.trim().parse::<f64>().ok()?),
        None => text.parse().ok(),
    }
}

impl Serialize for LossScale {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            LossScale::Number(value) => to.serialize_f64(*value),
            named => to.collect_str(named),
        }
    }
}

impl<'de> Deserialize<'de> for LossScale {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number or a name such as \"pixels\"")]
        enum Given {
            Number(f64),
            Name(String),
        }
        let text = match Given::deserialize(from)? {
            Given::Number(value) => value.to_string(),
            Given::Name(name) => name,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The weight of one term: a reduction over `elements` and a factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight {
    /// How the term is reduced over its elements and the images of a batch.
    pub reduction: Reduction,
    /// Every other factor in front of the term.
    pub scale: Ratio,
    /// What the term is summed over: pixels, latents, or the numbers of all codes of an image.
    pub elements: usize,
}

impl Weight {
    /// A term that is summed over `elements` and averaged over images: weight 1.
    pub fn one(elements: usize) -> Self {
        Weight { reduction: Reduction::Sum, scale: Ratio::from(1.0), elements }
    }

    /// The weight on the canonical value in a batch of `batch` images.
    pub fn at(self, batch: usize) -> Ratio {
        self.scale * self.reduction.weight(self.elements, batch)
    }
}
