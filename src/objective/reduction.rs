//! How a code base reduces a loss over elements and images: one number, the weight of a per-image sum.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::ratio::Ratio;

/// The reduction of a loss term, seen as the weight on its canonical value (summed over the n elements of an image,
/// averaged over the B images of a batch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// sum over elements, mean over images: weight 1 (the ELBO itself; pythae, Keras since 2016-08)
    Sum,
    /// mean over elements and images: weight 1/n, n = pixels for the reconstruction, latents for the KL (F.mse_loss and binary_crossentropy as they come)
    Mean,
    /// sum over elements and images: weight B, the batch size (BCELoss(reduction='sum') in pytorch/examples)
    BatchSum,
}

impl Reduction {
    /// The weight of a per-image sum over `elements`, averaged over `batch` images.
    pub fn weight(self, elements: usize, batch: usize) -> Ratio {
        match self {
            Reduction::Sum => Ratio::from(1.0),
            Reduction::Mean => Ratio::new(1.0, elements as f64),
            Reduction::BatchSum => Ratio::from(batch as f64),
        }
    }

    /// The reduction in words: over which elements, and over the images of a batch.
    pub fn formula(self, elements: &str) -> String {
        match self {
            Reduction::Sum => format!("sum_{elements} mean_batch"),
            Reduction::Mean => format!("mean_{elements} mean_batch"),
            Reduction::BatchSum => format!("sum_{elements} sum_batch"),
        }
    }

    /// The weight as a factor in front of a term over `elements`, B the images of a batch: "1/D * "; nothing for 1.
    pub fn factor(self, elements: &str) -> String {
        match self {
            Reduction::Sum => String::new(),
            Reduction::Mean => format!("1/{elements} * "),
            Reduction::BatchSum => "B * ".to_owned(),
        }
    }

    /// What the KL does when only the reconstruction's reduction is named: it is summed over latents, as nearly all
    /// code has it, and shares the batch part. For `mean` that is the classic mismatch.
    pub fn kl_default(self) -> Self {
        match self {
            Reduction::Sum | Reduction::Mean => Reduction::Sum,
            Reduction::BatchSum => Reduction::BatchSum,
        }
    }
}
