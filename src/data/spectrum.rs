//! Eigenvalues of the covariance of the pixels: what a linear model could encode. Computed once per data set, then cached.
//!
//! With fewer images than pixels they are computed from the products of images (the Gram matrix) and not of pixels: with
//! X the centred images, `[n, D]`, the matrices X'X and XX' have the same eigenvalues but for zeros.

use std::path::PathBuf;

use nalgebra::DMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::batches::{Binarize, Pixels};
use super::cache;
use super::dataset::Dataset;
use super::idx::hex;
use super::images::Images;
use super::stats::PixelStats;
use crate::error::{Error, Result};
use crate::files::{MOST_TEXT, read_regular, write_atomically};
use kernels::Isa;
use kernels::matmul::{Epilogue, MatRef, matmul};

/// Eigenvalues of a data set's training images, in descending order, one per pixel; those that fewer images
/// than pixels leave no room for are 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// Of the covariance of the pixels: what counts for squared errors.
    pub covariance: Vec<f64>,
    /// Of the covariance of (x - p)/sqrt(p(1-p)), p the pixel's mean, over pixels that vary at all: what counts for a
    /// Bernoulli likelihood, to second order around the average image. Empty unless pixels are in [0, 1].
    pub standardised: Vec<f64>,
}

/// Pixels with a mean nearer to 0 or 1 than this are left out of the standardised covariance: a quotient of two
/// vanishing numbers says nothing.
const RARE: f64 = 1e-3;

/// Images, or pixels, multiplied at a time.
const CHUNK: usize = 4000;

/// Larger matrices than this are refused: 4096 take 0.5 GB, and a minute for their eigenvalues, which grows with the cube.
const MAX_ORDER: usize = 4096;

impl Spectrum {
    /// The spectrum of the training images as `pixels` shows them (expected over its draws), from the cache if it was
    /// computed before.
    ///
    /// # Errors
    /// [`Error::Data`] with the sizes where the smaller of the two matrices is too large.
    pub fn of(data: &Dataset, pixels: Pixels) -> Result<Self> {
        let file = cache_file(data, pixels);
        let cached = file.as_ref().and_then(|path| read_regular(path, MOST_TEXT).ok());
        if let Some(spectrum) = cached.and_then(|text| unsealed(&text)) {
            return Ok(spectrum);
        }
        let spectrum = Spectrum::compute(&data.train, pixels)?;
        if let (Some(path), Ok(text)) = (file, serde_json::to_vec(&spectrum)) {
            // A cache that cannot be written costs a second the next time, and is no error.
            let _ = path.parent().map(std::fs::create_dir_all);
            let _ = write_atomically(&path, &sealed(&text));
        }
        Ok(spectrum)
    }

    fn compute(images: &Images, pixels: Pixels) -> Result<Self> {
        let (n, d) = (images.len(), images.pixels_per_image());
        let side = Side::of(n, d, pixels.binarize);
        let order = match side {
            Side::Pixels => d,
            Side::Images => n,
        };
        if order > MAX_ORDER {
            return Err(Error::Data(format!(
                "the eigenvalues of {n} images of {d} pixels need a matrix of {order} x {order} ({:.1} GB), and {MAX_ORDER} x \
                 {MAX_ORDER} is the limit; use smaller images{}",
                (order as f64).powi(2) * 8.0 / 1e9,
                // Fewer images are no way out where the pixels must be multiplied.
                if pixels.binarize.is_drawn() { "" } else { ", or fewer of them with --train-size" }
            )));
        }
        let means = PixelStats::of(images, pixels).means();
        let deviation = |mean: f64| (mean * (1.0 - mean)).sqrt();
        let unit = pixels.range.affine() == (1.0, 0.0);
        let is_kept = |mean: f64| unit && mean > RARE && mean < 1.0 - RARE;
        let (covariance, standardised) = match side {
            Side::Pixels => {
                let covariance = covariance(images, pixels, &means);
                let kept: Vec<usize> = (0..d).filter(|&i| is_kept(means[i])).collect();
                let standardised = DMatrix::from_fn(kept.len(), kept.len(), |i, j| {
                    covariance[(kept[i], kept[j])] / (deviation(means[kept[i]]) * deviation(means[kept[j]]))
                });
                (covariance, standardised)
            }
            Side::Images => {
                let weight = |mean: f64| if is_kept(mean) { 1.0 / deviation(mean) } else { 0.0 };
                (gram(images, pixels, &means, |_| 1.0), gram(images, pixels, &means, weight))
            }
        };
        let kept = means.iter().filter(|&&mean| is_kept(mean)).count();
        let (mut covariance, mut standardised) = rayon::join(|| eigenvalues(covariance), || eigenvalues(standardised));
        if side == Side::Images {
            // Centred images sum to zero: one direction fewer than images, and the last eigenvalue is rounding alone.
            covariance.truncate(n.saturating_sub(1));
            standardised.truncate(n.saturating_sub(1));
        }
        covariance.resize(d, 0.0);
        standardised.resize(kept, 0.0);
        Ok(Spectrum { covariance, standardised })
    }
}

/// `text` behind a line with its SHA-256.
fn sealed(text: &[u8]) -> Vec<u8> {
    [hex(&Sha256::digest(text)).as_bytes(), b"\n", text].concat()
}

/// What a file of the cache holds, where it is as it was written.
fn unsealed(file: &[u8]) -> Option<Spectrum> {
    let at = file.iter().position(|&byte| byte == b'\n')?;
    let (seal, text) = (&file[..at], &file[at + 1..]);
    if seal == hex(&Sha256::digest(text)).as_bytes() { serde_json::from_slice(text).ok() } else { None }
}

/// Which products the eigenvalues are computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// D x D: the covariance itself.
    Pixels,
    /// n x n: the Gram matrix, of the same eigenvalues but for zeros.
    Images,
}

impl Side {
    fn of(images: usize, pixels: usize, binarize: Binarize) -> Self {
        // Drawn pixels add a diagonal to the covariance, which has no counterpart among the images.
        if images < pixels && !binarize.is_drawn() { Side::Images } else { Side::Pixels }
    }
}

fn cache_file(data: &Dataset, pixels: Pixels) -> Option<PathBuf> {
    let dir = cache::root()?.join("spectra");
    let (slope, offset) = pixels.range.affine();
    let side = data.side().map_or_else(String::new, |side| format!("-{side}x{side}"));
    let name = format!("{}-{:?}-{slope}-{offset}{side}.json", &data.digest()[..16], pixels.binarize);
    // A subset has the digest of the whole: it is computed anew each time.
    data.is_whole().then(|| dir.join(name.to_lowercase()))
}

/// A byte as `pixels` shows it, expected over its draws.
fn shown(byte: u8, pixels: Pixels) -> f64 {
    let (slope, offset) = pixels.range.affine();
    let grey = match pixels.binarize {
        Binarize::Threshold => f32::from(u8::from(byte >= 128)),
        Binarize::None | Binarize::Static | Binarize::Dynamic => f32::from(byte) / 255.0,
    };
    f64::from(slope * grey + offset)
}

/// The covariance of the pixels, in f64 sums over chunks of images that the kernels multiply in f32.
fn covariance(images: &Images, pixels: Pixels, means: &[f64]) -> DMatrix<f64> {
    let (d, n) = (means.len(), images.len());
    let mut sums = vec![0f64; d * d];
    let mut product = vec![0f32; d * d];
    for start in (0..n).step_by(CHUNK) {
        let rows = CHUNK.min(n - start);
        let mut centred = vec![0f32; rows * d];
        centred.par_chunks_mut(d).enumerate().for_each(|(i, row)| {
            for ((value, &byte), mean) in row.iter_mut().zip(images.image(start + i)).zip(means) {
                *value = (shown(byte, pixels) - mean) as f32;
            }
        });
        let x = MatRef::new(&centred, rows, d);
        matmul(Isa::best(), x.t(), x, &mut product, Epilogue::Nothing);
        sums.iter_mut().zip(&product).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    let mut covariance = DMatrix::from_row_slice(d, d, &sums) / n.max(1) as f64;
    if pixels.binarize.is_drawn() {
        // Drawn pixels are independent given the greys: only a pixel's own variance grows, to that of a coin.
        let (slope, offset) = pixels.range.affine();
        for i in 0..d {
            let p = (means[i] - f64::from(offset)) / f64::from(slope);
            covariance[(i, i)] = f64::from(slope).powi(2) * p * (1.0 - p);
        }
    }
    covariance
}

/// The Gram matrix of the centred images divided by their number, pixels of mean m weighed by `weight(m)`, in f64 sums
/// over chunks of pixels that the kernels multiply in f32.
fn gram(images: &Images, pixels: Pixels, means: &[f64], weight: impl Fn(f64) -> f64 + Sync) -> DMatrix<f64> {
    let (d, n) = (means.len(), images.len());
    let mut sums = vec![0f64; n * n];
    let mut product = vec![0f32; n * n];
    for start in (0..d).step_by(CHUNK) {
        let columns = CHUNK.min(d - start);
        let mut centred = vec![0f32; n * columns];
        centred.par_chunks_mut(columns).enumerate().for_each(|(i, row)| {
            let bytes = &images.image(i)[start..start + columns];
            for ((value, &byte), &mean) in row.iter_mut().zip(bytes).zip(&means[start..]) {
                *value = (weight(mean) * (shown(byte, pixels) - mean)) as f32;
            }
        });
        let x = MatRef::new(&centred, n, columns);
        matmul(Isa::best(), x, x.t(), &mut product, Epilogue::Nothing);
        sums.iter_mut().zip(&product).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    DMatrix::from_row_slice(n, n, &sums) / n.max(1) as f64
}

/// Eigenvalues of a symmetric matrix, largest first.
pub fn eigenvalues(matrix: DMatrix<f64>) -> Vec<f64> {
    // Each row of zeros has the eigenvalue 0; the solver can divide 0 by 0 on them.
    let rows: Vec<usize> = (0..matrix.nrows()).filter(|&i| matrix.row(i).iter().any(|&x| x != 0.0)).collect();
    let zeros = vec![0.0; matrix.nrows() - rows.len()];
    if rows.is_empty() {
        return zeros;
    }
    let matrix = if zeros.is_empty() { matrix } else { matrix.select_rows(&rows).select_columns(&rows) };
    let mut values: Vec<f64> = matrix.symmetric_eigenvalues().iter().copied().chain(zeros).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spectrum_in_the_cache_is_believed_only_as_it_was_written() {
        let spectrum = Spectrum { covariance: vec![1.5, 0.5], standardised: vec![2.0] };
        let file = sealed(&serde_json::to_vec(&spectrum).unwrap());
        assert_eq!(unsealed(&file), Some(spectrum));
        for at in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert_eq!(unsealed(&damaged), None, "bit {at}");
        }
        assert_eq!(unsealed(br#"{"covariance":[9.0],"standardised":[]}"#), None, "an earlier version's");
    }
    use crate::data::batches::PixelRange;
    use crate::data::synthetic::{Split, digits};

    const GREY: Pixels = Pixels { binarize: Binarize::None, range: PixelRange::Unit };

    fn drawn(n: usize) -> Images {
        let digits = digits(1, Split::Train, n);
        Images::new(digits.pixels, digits.labels, 28, 28).unwrap()
    }

    #[test]
    fn products_of_images_have_the_eigenvalues_of_products_of_pixels() {
        let images = drawn(60);
        let found = Spectrum::compute(&images, GREY).unwrap();
        let means = PixelStats::of(&images, GREY).means();
        let expected = eigenvalues(covariance(&images, GREY, &means));
        assert_eq!((found.covariance.len(), expected.len()), (784, 784));
        for (found, expected) in found.covariance.iter().zip(&expected) {
            // Products are f32: 6e-8 of the largest eigenvalue, which is about 6, a few times over.
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
        assert!(found.covariance[58] > 1e-3 && found.covariance[59..].iter().all(|&lambda| lambda == 0.0));
        // The sum of the eigenvalues is the trace: the summed variances, here of x/sqrt(p(1-p)).
        let kept = |i: &usize| means[*i] > RARE && means[*i] < 1.0 - RARE;
        let variance = |i: usize| {
            let of_image = |k| (f64::from(images.image(k)[i]) / 255.0 - means[i]).powi(2);
            (0..60).map(of_image).sum::<f64>() / 60.0 / (means[i] * (1.0 - means[i]))
        };
        let trace: f64 = (0..784).filter(kept).map(variance).sum();
        let sum: f64 = found.standardised.iter().sum();
        assert!((sum - trace).abs() < 1e-4 * trace, "{sum} is not {trace}");
        assert_eq!(found.standardised.len(), (0..784).filter(kept).count());
    }

    #[test]
    fn pixels_that_never_vary_have_the_eigenvalue_0_and_not_nan() {
        // Many pixels of the border are 0 in all of these; the covariance of all 784 had eigenvalues that were NaN.
        for n in [30, 60, 200] {
            let images = drawn(n);
            let means = PixelStats::of(&images, GREY).means();
            let found = eigenvalues(covariance(&images, GREY, &means));
            assert!(found.len() == 784 && found.iter().all(|value| value.is_finite()), "{n} images");
        }
        assert_eq!(eigenvalues(DMatrix::zeros(3, 3)), [0.0; 3]);
        assert_eq!(
            eigenvalues(DMatrix::from_diagonal(&nalgebra::DVector::from_vec(vec![2.0, 0.0, 5.0]))),
            [5.0, 2.0, 0.0]
        );
    }

    #[test]
    fn a_few_large_images_are_explained_and_many_are_refused_with_the_figure() {
        // 300 x 300: the covariance asked for 64.8 GB.
        let large = |n: usize, side: usize| {
            let bytes = (0..n * side * side).map(|i| (i % 239) as u8).collect();
            Images::new(bytes, vec![0; n], side, side).unwrap()
        };
        let found = Spectrum::compute(&large(20, 300), GREY).unwrap();
        assert_eq!(found.covariance.len(), 90_000);
        assert!(found.covariance[19..].iter().all(|&lambda| lambda == 0.0));
        let drawn = Pixels { binarize: Binarize::Dynamic, ..GREY };
        let why = Spectrum::compute(&large(20, 300), drawn).unwrap_err().to_string();
        assert!(why.contains("90000 x 90000 (64.8 GB)") && !why.contains("--train-size"), "{why}");
        let why = Spectrum::compute(&large(5000, 80), GREY).unwrap_err().to_string();
        assert!(why.contains("5000 x 5000") && why.contains("--train-size"), "{why}");
    }
}
