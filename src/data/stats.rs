//! Pixel statistics of a set of images: what a decoder that ignores its latents can know.

use rayon::prelude::*;

use super::batches::{Binarize, Pixels};
use super::images::Images;

/// The distribution of every pixel over the images, counted from the bytes, so that nothing rounds before the end.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelStats {
    pixels: Vec<Distribution>,
}

/// Values of one pixel with their probabilities, in ascending order of value.
#[derive(Clone, Debug, PartialEq)]
struct Distribution(Vec<(f64, f64)>);

/// Grey levels.
const LEVELS: usize = 256;

/// Images counted by one task.
const CHUNK: usize = 8192;

/// A probability is held this far from 0 and 1 before its logarithm is taken (Keras' epsilon): a pixel that no training
/// image lights may yet be lit in a test image.
const EPSILON: f64 = 1e-7;

impl PixelStats {
    /// The statistics of `images` as `pixels` shows them (expected over its draws).
    pub fn of(images: &Images, pixels: Pixels) -> Self {
        let d = images.pixels_per_image();
        let empty = || vec![0u32; d * LEVELS];
        let indices: Vec<usize> = (0..images.len()).collect();
        let counts = indices
            .par_chunks(CHUNK)
            .map(|chunk| {
                let mut counts = empty();
                for &i in chunk {
                    for (histogram, &byte) in counts.chunks_exact_mut(LEVELS).zip(images.image(i)) {
                        histogram[usize::from(byte)] += 1;
                    }
                }
                counts
            })
            // Whole numbers: any order of adding gives the same.
            .reduce(empty, |mut all, part| {
                all.iter_mut().zip(part).for_each(|(all, part)| *all += part);
                all
            });
        let n = images.len().max(1) as f64;
        PixelStats { pixels: counts.chunks_exact(LEVELS).map(|counts| Distribution::of(counts, n, pixels)).collect() }
    }

    /// E[x_i], `[pixels]`.
    pub fn means(&self) -> Vec<f64> {
        self.pixels.iter().map(|x| x.average(|x| x)).collect()
    }

    /// The median of every pixel, `[pixels]`.
    pub fn medians(&self) -> Vec<f64> {
        self.pixels.iter().map(Distribution::median).collect()
    }

    /// The variance of all pixels around their common mean.
    pub fn total_variance(&self) -> f64 {
        let means = self.means();
        let common = means.iter().sum::<f64>() / means.len().max(1) as f64;
        self.squared_error_of(&vec![common; means.len()]) / means.len().max(1) as f64
    }

    /// The mean over images of sum_i (x_i - c_i)^2, for a constant image `c`.
    pub fn squared_error_of(&self, c: &[f64]) -> f64 {
        self.pixels.iter().zip(c).map(|(x, c)| x.average(|x| (x - c).powi(2))).sum()
    }

    /// The mean over images of sum_i |x_i - c_i|, for a constant image `c`.
    pub fn absolute_error_of(&self, c: &[f64]) -> f64 {
        self.pixels.iter().zip(c).map(|(x, c)| x.average(|x| (x - c).abs())).sum()
    }

    /// The mean over images of the summed cross-entropy of a constant image of probabilities `p`, in nats.
    pub fn cross_entropy_of(&self, p: &[f64]) -> f64 {
        let entropy = |x: &Distribution, p: f64| {
            let p = p.clamp(EPSILON, 1.0 - EPSILON);
            x.average(|x| -x * p.ln() - (1.0 - x) * (1.0 - p).ln())
        };
        self.pixels.iter().zip(p).map(|(x, &p)| entropy(x, p)).sum()
    }

    /// The mean over images of the summed entropy of their grey levels, in nats: the least BCE that any model of pixels
    /// in [0, 1] reaches.
    pub fn grey_entropy(&self) -> f64 {
        self.pixels.iter().map(|x| x.average(binary_entropy)).sum()
    }
}

impl Distribution {
    fn of(histogram: &[u32], n: f64, pixels: Pixels) -> Self {
        let (slope, offset) = pixels.range.affine();
        let mapped = |grey: f64| f64::from(slope) * grey + f64::from(offset);
        let grey = |level: usize| level as f64 / (LEVELS - 1) as f64;
        let white = match pixels.binarize {
            Binarize::None => {
                let levels = histogram.iter().enumerate().filter(|&(_, &count)| count > 0);
                return Distribution(levels.map(|(i, &count)| (mapped(grey(i)), f64::from(count) / n)).collect());
            }
            Binarize::Threshold => histogram[LEVELS / 2..].iter().map(|&c| f64::from(c)).sum::<f64>() / n,
            Binarize::Static | Binarize::Dynamic => {
                histogram.iter().enumerate().map(|(i, &c)| grey(i) * f64::from(c)).sum::<f64>() / n
            }
        };
        Distribution(vec![(mapped(0.0), 1.0 - white), (mapped(1.0), white)])
    }

    fn average(&self, f: impl Fn(f64) -> f64) -> f64 {
        self.0.iter().map(|&(x, p)| p * f(x)).sum()
    }

    fn median(&self) -> f64 {
        let mut below = 0.0;
        let reached = self.0.iter().find(|&&(_, p)| {
            below += p;
            below >= 0.5
        });
        reached.or(self.0.last()).map_or(0.0, |&(x, _)| x)
    }
}

/// -p log p - (1-p) log(1-p) in nats; 0 outside (0, 1).
fn binary_entropy(p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return 0.0;
    }
    -p * p.ln() - (1.0 - p) * (1.0 - p).ln()
}
