//! Hypotheses about the reconstruction.

use std::fmt;

use super::design::Inputs;

/// What is summed over pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Energy {
    /// Bernoulli cross-entropy of a probability.
    CrossEntropy,
    /// The same with reconstruction and image in each other's place.
    CrossEntropySwapped,
    /// -x log p alone.
    CrossEntropyOfLit,
    /// Negative log-density of the continuous Bernoulli with this mean parameter.
    ContinuousBernoulli,
    /// (x - x^)^2.
    Squared,
    /// |x - x^|.
    Absolute,
    /// log cosh(x - x^).
    LogCosh,
    /// Poisson: p - x log p.
    Poisson,
}

/// What is done to a pixel before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelMap {
    /// Nothing.
    Identity,
    /// 1/(1 + exp(-v)): the values are logits.
    Sigmoid,
    /// (v + 1)/2: the values are meant to be in [-1, 1].
    FromSymmetric,
    /// 2v - 1: the values are mapped to [-1, 1].
    ToSymmetric,
    /// tanh(v).
    Tanh,
}

/// What is done with the sums over pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    /// They are averaged over images.
    Mean,
    /// The logarithm of the batch's mean over pixels.
    LogOfBatch,
    /// The logarithm of each image's mean over pixels.
    LogOfImage,
    /// The root of the batch's sum.
    RootOfBatch,
    /// The root of each image's sum.
    RootOfImage,
}

/// A reconstruction loss, per image and summed over pixels, averaged over images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconForm {
    /// What is summed.
    pub energy: Energy,
    /// What is done to the reconstruction before.
    pub recon_map: PixelMap,
    /// What is done to the image before.
    pub x_map: PixelMap,
    /// What is done with the sum.
    pub joint: Joint,
}

impl Energy {
    const ALL: [Energy; 8] = [
        Energy::CrossEntropy,
        Energy::Squared,
        Energy::Absolute,
        Energy::ContinuousBernoulli,
        Energy::CrossEntropySwapped,
        Energy::CrossEntropyOfLit,
        Energy::LogCosh,
        Energy::Poisson,
    ];

    fn of(self, p: f64, x: f64) -> f64 {
        let entropy = |p: f64, x: f64| -(x * p.ln() + (1.0 - x) * (1.0 - p).ln());
        match self {
            Energy::CrossEntropy => entropy(p, x),
            Energy::CrossEntropySwapped => entropy(x, p),
            Energy::CrossEntropyOfLit => -x * p.ln(),
            Energy::ContinuousBernoulli => entropy(p, x) - log_normaliser(p),
            Energy::Squared => (x - p) * (x - p),
            Energy::Absolute => (x - p).abs(),
            Energy::LogCosh => (x - p).cosh().ln(),
            Energy::Poisson => p - x * p.ln(),
        }
    }
}

/// log C(p) = log(2 atanh(1 - 2p) / (1 - 2p)), 2 at p = 1/2 (Loaiza-Ganem & Cunningham 2019).
fn log_normaliser(p: f64) -> f64 {
    let u = 1.0 - 2.0 * p;
    if u.abs() < 1e-4 { (2.0 + 2.0 * u * u / 3.0).ln() } else { (2.0 * u.atanh() / u).ln() }
}

impl PixelMap {
    fn of(self, v: f64) -> f64 {
        match self {
            PixelMap::Identity => v,
            PixelMap::Sigmoid => 1.0 / (1.0 + (-v).exp()),
            PixelMap::FromSymmetric => 0.5 * (v + 1.0),
            PixelMap::ToSymmetric => 2.0 * v - 1.0,
            PixelMap::Tanh => v.tanh(),
        }
    }
}

impl ReconForm {
    const fn plain(energy: Energy) -> Self {
        ReconForm { energy, recon_map: PixelMap::Identity, x_map: PixelMap::Identity, joint: Joint::Mean }
    }

    /// Squared error.
    pub const SQUARED: ReconForm = ReconForm::plain(Energy::Squared);
    /// Absolute error.
    pub const ABSOLUTE: ReconForm = ReconForm::plain(Energy::Absolute);
    /// Cross-entropy of probabilities.
    pub const BCE: ReconForm = ReconForm::plain(Energy::CrossEntropy);
    /// Cross-entropy of logits.
    pub const BCE_LOGITS: ReconForm = ReconForm { recon_map: PixelMap::Sigmoid, ..ReconForm::BCE };

    /// Every hypothesis, the common ones first. No two of them are multiples of each other.
    pub(super) fn all() -> Vec<ReconForm> {
        use PixelMap::{FromSymmetric, Identity, Sigmoid, Tanh, ToSymmetric};
        let mut all = Vec::new();
        for energy in Energy::ALL {
            let maps: &[(PixelMap, PixelMap)] = match energy {
                Energy::CrossEntropy | Energy::ContinuousBernoulli => &[
                    (Identity, Identity),
                    (Sigmoid, Identity),
                    (FromSymmetric, FromSymmetric),
                    (FromSymmetric, Identity),
                    (Identity, FromSymmetric),
                    (Sigmoid, FromSymmetric),
                    (Sigmoid, ToSymmetric),
                ],
                Energy::CrossEntropySwapped => {
                    &[(Identity, Identity), (Identity, Sigmoid), (FromSymmetric, FromSymmetric)]
                }
                Energy::Squared | Energy::Absolute => &[
                    (Identity, Identity),
                    (Sigmoid, Identity),
                    (Tanh, Identity),
                    (FromSymmetric, Identity),
                    (Identity, FromSymmetric),
                    (Tanh, ToSymmetric),
                ],
                Energy::CrossEntropyOfLit | Energy::LogCosh | Energy::Poisson => {
                    &[(Identity, Identity), (Sigmoid, Identity)]
                }
            };
            let joints: &[Joint] = match energy {
                Energy::Squared => {
                    &[Joint::Mean, Joint::LogOfBatch, Joint::LogOfImage, Joint::RootOfBatch, Joint::RootOfImage]
                }
                Energy::CrossEntropy
                | Energy::CrossEntropySwapped
                | Energy::CrossEntropyOfLit
                | Energy::ContinuousBernoulli
                | Energy::Absolute
                | Energy::LogCosh
                | Energy::Poisson => &[Joint::Mean],
            };
            for &joint in joints {
                all.extend(maps.iter().map(|&(recon_map, x_map)| ReconForm { energy, recon_map, x_map, joint }));
            }
        }
        all
    }

    /// The value on these inputs.
    pub(super) fn value(self, inputs: &Inputs) -> f64 {
        let pixels = inputs.shape.pixels;
        let images = inputs.recon.chunks(pixels).zip(inputs.x.chunks(pixels)).map(|(recon, x)| {
            let pairs = recon.iter().zip(x);
            pairs.map(|(&r, &x)| self.energy.of(self.recon_map.of(r), self.x_map.of(x))).sum::<f64>()
        });
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / inputs.shape.batch as f64;
        match self.joint {
            Joint::Mean => mean(&mut images.into_iter()),
            Joint::LogOfBatch => (mean(&mut images.into_iter()) / pixels as f64).ln(),
            Joint::LogOfImage => mean(&mut images.map(|s| (s / pixels as f64).ln())),
            Joint::RootOfBatch => mean(&mut images.into_iter()).sqrt(),
            Joint::RootOfImage => mean(&mut images.map(f64::sqrt)),
        }
    }

    /// The symbol in a formula.
    pub fn symbol(self) -> &'static str {
        match (self.joint, self.energy) {
            (Joint::LogOfBatch | Joint::LogOfImage, _) => "log(MSE)",
            (Joint::RootOfBatch | Joint::RootOfImage, _) => "sqrt(S)",
            (Joint::Mean, Energy::Squared) => "S",
            (Joint::Mean, Energy::Absolute) => "A",
            (
                Joint::Mean,
                Energy::CrossEntropy
                | Energy::CrossEntropySwapped
                | Energy::CrossEntropyOfLit
                | Energy::ContinuousBernoulli
                | Energy::LogCosh
                | Energy::Poisson,
            ) => "R",
        }
    }
}

impl fmt::Display for ReconForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let energy = match self.energy {
            Energy::CrossEntropy => "cross-entropy (BCE)",
            Energy::CrossEntropySwapped => "cross-entropy (BCE) with reconstruction and image in each other's place",
            Energy::CrossEntropyOfLit => "-x*log(p) alone, without (1 - x)*log(1 - p)",
            Energy::ContinuousBernoulli => "continuous Bernoulli NLL",
            Energy::Squared => "squared error",
            Energy::Absolute => "absolute error",
            Energy::LogCosh => "log cosh of the error",
            Energy::Poisson => "Poisson NLL without its factorial",
        };
        match self.joint {
            Joint::Mean => f.write_str(energy)?,
            Joint::LogOfBatch => write!(f, "logarithm of the batch's mean {energy}")?,
            Joint::LogOfImage => write!(f, "logarithm of each image's mean {energy}")?,
            Joint::RootOfBatch => write!(f, "root of the batch's summed {energy}")?,
            Joint::RootOfImage => write!(f, "root of each image's summed {energy}")?,
        }
        match (self.energy, self.recon_map) {
            (Energy::CrossEntropy | Energy::ContinuousBernoulli | Energy::CrossEntropyOfLit, PixelMap::Identity) => {
                f.write_str(" of probabilities")?;
            }
            (Energy::CrossEntropy | Energy::ContinuousBernoulli | Energy::CrossEntropyOfLit, PixelMap::Sigmoid) => {
                f.write_str(" of logits")?;
            }
            (_, PixelMap::Identity) => {}
            (_, PixelMap::Sigmoid) => f.write_str(" of the sigmoid of the reconstruction")?,
            (_, PixelMap::FromSymmetric) => {
                f.write_str(" of reconstructions in [-1, 1], mapped to [0, 1] by (v + 1)/2")?
            }
            (_, PixelMap::ToSymmetric) => f.write_str(" of the reconstruction mapped by 2v - 1")?,
            (_, PixelMap::Tanh) => f.write_str(" of the tanh of the reconstruction")?,
        }
        match self.x_map {
            PixelMap::Identity => Ok(()),
            PixelMap::Sigmoid => f.write_str(", image through a sigmoid"),
            PixelMap::FromSymmetric => f.write_str(", image mapped by (x + 1)/2"),
            PixelMap::ToSymmetric => f.write_str(", image mapped to [-1, 1] by 2x - 1"),
            PixelMap::Tanh => f.write_str(", image through tanh"),
        }
    }
}
