//! Factors that code bases put in front of a loss term: a number, or one that the data decides.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Quotient;

/// A factor on a loss term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Factor {
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

impl Factor {
    /// The factor for data of these sizes.
    pub fn value(self, sizes: &Sizes) -> Quotient {
        let pixels = sizes.pixels as f64;
        match self {
            Factor::Number(value) => Quotient::from(value),
            Factor::Pixels => Quotient::from(pixels),
            Factor::PerPixel => Quotient::new(1.0, pixels),
            Factor::PerDataVariance => Quotient::new(1.0, sizes.data_variance),
            Factor::PerBatchPixel => Quotient::new(1.0, sizes.batch_size as f64 * pixels),
        }
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Factor::Number(value) => write!(f, "{value}"),
            Factor::Pixels => f.write_str("pixels"),
            Factor::PerPixel => f.write_str("1/pixels"),
            Factor::PerDataVariance => f.write_str("1/data-variance"),
            Factor::PerBatchPixel => f.write_str("1/batch-pixels"),
        }
    }
}

impl FromStr for Factor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "pixels" => Ok(Factor::Pixels),
            "1/pixels" => Ok(Factor::PerPixel),
            "1/data-variance" => Ok(Factor::PerDataVariance),
            "1/batch-pixels" => Ok(Factor::PerBatchPixel),
            number => match number.parse::<f64>() {
                Ok(value) if value.is_finite() && value > 0.0 => Ok(Factor::Number(value)),
                _ => Err("write a number above 0, or pixels, 1/pixels, 1/data-variance or 1/batch-pixels".to_owned()),
            },
        }
    }
}

impl Serialize for Factor {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Factor::Number(value) => to.serialize_f64(*value),
            named => to.collect_str(named),
        }
    }
}

impl<'de> Deserialize<'de> for Factor {
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
