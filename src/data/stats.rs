//! Pixel statistics of a set of images: what a decoder that ignores its latents can know.

use super::{Binarize, Images};

/// Mean and variance of every pixel over the images, computed from the bytes in exact integer sums.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelStats {
    /// E[x_i], `[pixels]`.
    pub means: Vec<f64>,
    /// Var[x_i], `[pixels]`.
    pub variances: Vec<f64>,
}

impl PixelStats {
    /// The statistics of `images` as `binarize` shows them (expected over its draws).
    pub fn of(images: &Images, binarize: Binarize) -> Self {
        let pixels = images.pixels_per_image();
        let n = images.len().max(1) as f64;
        // 60,000 squares of a byte fit a u64 with room to spare: no rounding until the division.
        let mut sums = vec![0u64; pixels];
        let mut squares = vec![0u64; pixels];
        for i in 0..images.len() {
            for ((sum, square), &byte) in sums.iter_mut().zip(&mut squares).zip(images.image(i)) {
                let value = match binarize {
                    Binarize::Threshold => 255 * u64::from(byte >= 128),
                    Binarize::None | Binarize::Static | Binarize::Dynamic => u64::from(byte),
                };
                *sum += value;
                *square += value * value;
            }
        }
        let means: Vec<f64> = sums.iter().map(|&s| s as f64 / 255.0 / n).collect();
        let variances = match binarize {
            Binarize::None => {
                squares.iter().zip(&means).map(|(&s, &m)| s as f64 / (255.0 * 255.0) / n - m * m).collect()
            }
            Binarize::Threshold | Binarize::Static | Binarize::Dynamic => {
                means.iter().map(|&p| p * (1.0 - p)).collect()
            }
        };
        PixelStats { means, variances }
    }
}
