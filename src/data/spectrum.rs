//! Eigenvalues of the covariance of the pixels: what a linear model could encode. Computed once a data set, then cached.

use std::path::PathBuf;

use nalgebra::DMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::batches::{Binarize, Pixels};
use super::cache;
use super::dataset::Dataset;
use super::stats::PixelStats;
use crate::files::write_atomically;
use kernels::dispatch::Isa;
use kernels::matmul::{Finish, MatRef, Start, matmul};

/// Eigenvalues of a data set's training images, in descending order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// Of the covariance of the pixels: what counts for squared errors.
    pub covariance: Vec<f64>,
    /// Of the covariance of (x - p)/sqrt(p(1-p)), p the pixel's mean, over pixels that are lit at all: what counts for a
    /// Bernoulli likelihood, to second order around the average image. Empty unless pixels are in [0, 1].
    pub standardised: Vec<f64>,
}

/// Pixels with a mean nearer to 0 or 1 than this are left out of the standardised covariance: a quotient of two
/// vanishing numbers says nothing.
const RARE: f64 = 1e-3;

/// Images multiplied at a time.
const CHUNK: usize = 4000;

impl Spectrum {
    /// The spectrum of the training images as `pixels` shows them (expected over its draws), from the cache if it was
    /// computed before.
    pub fn of(data: &Dataset, pixels: Pixels) -> Self {
        let file = cache_file(data, pixels);
        let cached = file.as_ref().and_then(|path| std::fs::read(path).ok());
        if let Some(spectrum) = cached.and_then(|text| serde_json::from_slice(&text).ok()) {
            return spectrum;
        }
        let spectrum = Spectrum::compute(data, pixels);
        if let (Some(path), Ok(text)) = (file, serde_json::to_vec(&spectrum)) {
            // A cache that cannot be written costs a second the next time, and is no error.
            let _ = path.parent().map(std::fs::create_dir_all);
            let _ = write_atomically(&path, &text);
        }
        spectrum
    }

    fn compute(data: &Dataset, pixels: Pixels) -> Self {
        let stats = PixelStats::of(&data.train, pixels);
        let means = stats.means();
        let covariance = covariance(data, pixels, &means);
        let unit = pixels.range.affine() == (1.0, 0.0);
        let kept: Vec<usize> = (0..means.len()).filter(|&i| unit && means[i] > RARE && means[i] < 1.0 - RARE).collect();
        let deviation = |i: usize| (means[i] * (1.0 - means[i])).sqrt();
        let standardised = DMatrix::from_fn(kept.len(), kept.len(), |i, j| {
            covariance[(kept[i], kept[j])] / (deviation(kept[i]) * deviation(kept[j]))
        });
        let (covariance, standardised) = rayon::join(|| eigenvalues(covariance), || eigenvalues(standardised));
        Spectrum { covariance, standardised }
    }
}

fn cache_file(data: &Dataset, pixels: Pixels) -> Option<PathBuf> {
    let dir = cache::root()?.join("spectra");
    let (slope, offset) = pixels.range.affine();
    let name = format!("{}-{:?}-{slope}-{offset}.json", &data.digest()[..16], pixels.binarize);
    // A subset has the digest of the whole: it is computed anew each time.
    data.is_whole().then(|| dir.join(name.to_lowercase()))
}

/// The covariance of the pixels, in f64 sums over chunks that the kernels multiply in f32.
fn covariance(data: &Dataset, pixels: Pixels, means: &[f64]) -> DMatrix<f64> {
    let (d, n) = (means.len(), data.train.len());
    let (slope, offset) = pixels.range.affine();
    let shown = |byte: u8| {
        let grey = match pixels.binarize {
            Binarize::Threshold => f32::from(u8::from(byte >= 128)),
            Binarize::None | Binarize::Static | Binarize::Dynamic => f32::from(byte) / 255.0,
        };
        slope * grey + offset
    };
    let mut sums = vec![0f64; d * d];
    let mut product = vec![0f32; d * d];
    for start in (0..n).step_by(CHUNK) {
        let rows = CHUNK.min(n - start);
        let mut centred = vec![0f32; rows * d];
        centred.par_chunks_mut(d).enumerate().for_each(|(i, row)| {
            for ((value, &byte), mean) in row.iter_mut().zip(data.train.image(start + i)).zip(means) {
                *value = (f64::from(shown(byte)) - mean) as f32;
            }
        });
        let x = MatRef::new(&centred, rows, d);
        matmul(Isa::best(), x.t(), x, &mut product, Start::Zero, Finish::Nothing);
        sums.iter_mut().zip(&product).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    let mut covariance = DMatrix::from_row_slice(d, d, &sums) / n.max(1) as f64;
    if matches!(pixels.binarize, Binarize::Static | Binarize::Dynamic) {
        // Drawn pixels are independent given the greys: only a pixel's own variance grows, to that of a coin.
        for i in 0..d {
            let p = (means[i] - f64::from(offset)) / f64::from(slope);
            covariance[(i, i)] = f64::from(slope).powi(2) * p * (1.0 - p);
        }
    }
    covariance
}

/// Eigenvalues of a symmetric matrix, largest first.
pub fn eigenvalues(matrix: DMatrix<f64>) -> Vec<f64> {
    if matrix.is_empty() {
        return Vec::new();
    }
    let mut values: Vec<f64> = matrix.symmetric_eigenvalues().iter().copied().collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}
