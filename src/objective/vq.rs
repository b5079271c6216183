//! The two terms of a VQ-VAE beside its reconstruction, and what code bases make of them.
//!
//! van den Oord et al. 2017, equation 3: |sg\[z\] - e|^2, which moves the codebook, and |z - sg\[e\]|^2, which moves the
//! encoder. Both have the same value C: the squared distance of an image's N codes of d numbers from their nearest of K
//! codebook entries, summed over all N d numbers.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::ratio::Ratio;
use super::reduction::Reduction;
use super::weight::Weight;

/// The reduction of a VQ-VAE's terms, seen as the weight on C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum VqReduction {
    /// sum over codes and their numbers, mean over images: weight 1
    Sum,
    /// mean over the N codes of an image, sum over the d numbers of each: weight 1/N (the paper)
    CodeMean,
    /// mean over everything: weight 1/(N d) (F.mse_loss as it comes; nearly all code)
    Mean,
    /// sum over everything, images too: weight B, the batch size (pythae since its PR 125)
    BatchSum,
}

/// The terms of a VQ-VAE with their weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VqTerms {
    /// On |sg\[z\] - e|^2; none where a moving average makes the codebook.
    pub codebook: Option<Weight>,
    /// On |z - sg\[e\]|^2.
    pub commitment: Weight,
    /// N, codes of an image.
    pub codes: usize,
    /// K, entries of the codebook.
    pub codebook_size: usize,
}

impl VqReduction {
    /// `factor` times a term of `codes` codes of `code_dim` numbers, reduced so.
    pub fn weight(self, factor: f64, codes: usize, code_dim: usize) -> Weight {
        let scale = Ratio::from(factor);
        let (reduction, elements) = match self {
            VqReduction::Sum => (Reduction::Sum, codes * code_dim),
            VqReduction::CodeMean => (Reduction::Mean, codes),
            VqReduction::Mean => (Reduction::Mean, codes * code_dim),
            VqReduction::BatchSum => (Reduction::BatchSum, codes * code_dim),
        };
        Weight { reduction, scale, elements }
    }

    /// The reduction in words.
    pub fn formula(self) -> &'static str {
        match self {
            VqReduction::Sum => "sum_codes sum_dim mean_batch",
            VqReduction::CodeMean => "mean_codes sum_dim mean_batch",
            VqReduction::Mean => "mean_codes mean_dim mean_batch",
            VqReduction::BatchSum => "sum_codes sum_dim sum_batch",
        }
    }
}

impl VqTerms {
    /// N ln K: the KL of a one-hot posterior over N codes from the uniform prior over their K entries, in nats.
    pub fn kl(&self) -> f64 {
        self.codes as f64 * (self.codebook_size as f64).ln()
    }
}

/// How evenly a set of images uses the codebook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeUse {
    /// How often each entry was the nearest, over all images and all codes of an image.
    pub counts: Vec<u64>,
}

impl CodeUse {
    /// exp of the entropy of the use: K where all entries are used alike, 1 where one is.
    pub fn perplexity(&self) -> f64 {
        let total = self.counts.iter().sum::<u64>() as f64;
        let shares = self.counts.iter().filter(|&&count| count > 0).map(|&count| count as f64 / total);
        shares.fold(0.0, |entropy, p| entropy - p * p.ln()).exp()
    }

    /// Entries that were used at all.
    pub fn used(&self) -> u32 {
        self.counts.iter().filter(|&&count| count > 0).count() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perplexity_counts_entries_that_are_used_alike() {
        assert!((CodeUse { counts: vec![5, 5, 0, 5] }.perplexity() - 3.0).abs() < 1e-12);
        assert_eq!(CodeUse { counts: vec![0, 9] }.perplexity(), 1.0);
        assert_eq!(CodeUse { counts: vec![0, 9, 1] }.used(), 2);
        // -(0.9 ln 0.9 + 0.1 ln 0.1) = 0.3250829733914482
        assert!((CodeUse { counts: vec![9, 1] }.perplexity().ln() - 0.325_082_973_391_448_2).abs() < 1e-12);
    }

    #[test]
    fn a_reduction_is_the_weight_on_a_sum_over_all_numbers() {
        let at = |reduction: VqReduction, batch| reduction.weight(0.25, 10, 16).at(batch).value();
        assert_eq!(at(VqReduction::Sum, 128), 0.25);
        assert_eq!(at(VqReduction::CodeMean, 128), 0.025);
        assert_eq!(at(VqReduction::Mean, 128), 0.25 / 160.0);
        assert_eq!((at(VqReduction::BatchSum, 64), at(VqReduction::BatchSum, 128)), (16.0, 32.0));
    }
}
