//! Pixel statistics of a set of images: what a decoder that ignores its latents can know.

use std::ops::Range;

use rayon::prelude::*;

use super::batches::{Binarize, Pixels};
use super::images::Images;
use crate::error::{Error, Result};

/// The distribution of every pixel over the images, counted from the bytes, so that nothing rounds before the end.
///
/// It takes five bytes for each grey level that a pixel really has: at most as many levels as there are images.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelStats {
    /// Images counted.
    images: f64,
    /// What each byte is shown as.
    shown: Vec<f64>,
    counts: Counts,
}

/// How often each pixel has which value.
#[derive(Clone, Debug, PartialEq)]
enum Counts {
    /// As they are in the file.
    Grey(Levels),
    /// The share of images in which each pixel is white, for pixels that are black or white.
    Binary(Vec<f64>),
}

/// The levels that each pixel has, ascending, and how often: those of pixel `i` lie from `starts[i]` to `starts[i + 1]`.
#[derive(Clone, Debug, Default, PartialEq)]
struct Levels {
    starts: Vec<usize>,
    levels: Vec<u8>,
    counts: Vec<u32>,
}

/// Grey levels.
const LEVELS: usize = 256;

/// Pixels counted by one task: a cache line of each image, and histograms of 64 KB.
const BLOCK: usize = 64;

/// Pixels that are looked at together.
const WORD: usize = 8;

/// A probability is held this far from 0 and 1 before its logarithm is taken (Keras' epsilon): a pixel that is 0 in all
/// training images may be above 0 in a test image.
const EPSILON: f64 = 1e-7;

/// A variance below this is rounding: one byte that differs by one level among 10^10 has 1.5e-15.
const CONSTANT: f64 = 1e-20;

impl PixelStats {
    /// The statistics of `images` as `pixels` shows them (expected over its draws).
    pub fn of(images: &Images, pixels: Pixels) -> Self {
        let d = images.pixels_per_image();
        let starts: Vec<usize> = (0..d).step_by(BLOCK).collect();
        let blocks: Vec<Levels> =
            starts.par_iter().map(|&start| Levels::count(images, start..(start + BLOCK).min(d))).collect();
        let levels = Levels::concatenated(&blocks);
        let n = images.len().max(1) as f64;
        let (slope, offset) = pixels.range.affine();
        let shown: Vec<f64> = (0..LEVELS).map(|i| f64::from(slope) * grey(i) + f64::from(offset)).collect();
        let white = |share: fn(usize) -> f64| {
            let of_pixel =
                |i: usize| levels.of(i).map(|(level, count)| share(level) * f64::from(count)).sum::<f64>() / n;
            Counts::Binary((0..d).map(of_pixel).collect())
        };
        let counts = match pixels.binarize {
            Binarize::Threshold => white(|level| if level >= LEVELS / 2 { 1.0 } else { 0.0 }),
            Binarize::Static | Binarize::Dynamic => white(grey),
            Binarize::None => Counts::Grey(levels),
        };
        PixelStats { images: n, shown, counts }
    }

    /// D.
    fn len(&self) -> usize {
        match &self.counts {
            Counts::Grey(levels) => levels.starts.len() - 1,
            Counts::Binary(white) => white.len(),
        }
    }

    /// E[f(x_i)] over the images.
    fn average(&self, i: usize, f: impl Fn(f64) -> f64) -> f64 {
        match &self.counts {
            Counts::Grey(levels) => {
                levels.of(i).map(|(level, count)| f64::from(count) / self.images * f(self.shown[level])).sum()
            }
            Counts::Binary(white) => {
                [(0, 1.0 - white[i]), (LEVELS - 1, white[i])].iter().map(|&(level, p)| p * f(self.shown[level])).sum()
            }
        }
    }

    fn median(&self, i: usize) -> f64 {
        let mut below = 0.0;
        let mut reached = |p: f64| {
            below += p;
            below >= 0.5
        };
        let level = match &self.counts {
            Counts::Grey(levels) => {
                let found = levels.of(i).find(|&(_, count)| reached(f64::from(count) / self.images));
                found.or(levels.of(i).last()).map(|(level, _)| level)
            }
            Counts::Binary(white) => Some(if reached(1.0 - white[i]) { 0 } else { LEVELS - 1 }),
        };
        level.map_or(0.0, |level| self.shown[level])
    }

    /// `E[x_i]`, `[pixels]`.
    pub fn means(&self) -> Vec<f64> {
        (0..self.len()).map(|i| self.average(i, |x| x)).collect()
    }

    /// The median of every pixel, `[pixels]`.
    pub fn medians(&self) -> Vec<f64> {
        (0..self.len()).map(|i| self.median(i)).collect()
    }

    /// The variance of all pixels around their common mean.
    pub fn total_variance(&self) -> f64 {
        let means = self.means();
        let common = means.iter().sum::<f64>() / means.len().max(1) as f64;
        self.squared_error_of(&vec![common; means.len()]) / means.len().max(1) as f64
    }

    /// [`PixelStats::total_variance`] for a weight that divides by it.
    ///
    /// # Errors
    /// [`Error::Data`] where all pixels of all images have one value.
    pub fn positive_variance(&self) -> Result<f64> {
        let variance = self.total_variance();
        if variance > CONSTANT {
            return Ok(variance);
        }
        Err(Error::Data(
            "all pixels of all training images have one value, so 1/data-variance is 1/0; give other images, or another \
             weight"
                .into(),
        ))
    }

    /// The mean over images of sum_i (x_i - c_i)^2, for a constant image `c`.
    pub fn squared_error_of(&self, c: &[f64]) -> f64 {
        c.iter().enumerate().map(|(i, c)| self.average(i, |x| (x - c).powi(2))).sum()
    }

    /// The mean over images of sum_i |x_i - c_i|, for a constant image `c`.
    pub fn absolute_error_of(&self, c: &[f64]) -> f64 {
        c.iter().enumerate().map(|(i, c)| self.average(i, |x| (x - c).abs())).sum()
    }

    /// The mean over images of the sum of `loss`(x_i, c_i), for a constant image `c`.
    pub fn loss_of(&self, c: &[f64], loss: impl Fn(f64, f64) -> f64 + Sync) -> f64 {
        let all: Vec<f64> = c.par_iter().enumerate().map(|(i, &c)| self.average(i, |x| loss(x, c))).collect();
        all.iter().sum()
    }

    /// The number c of every pixel that minimises the mean of `loss`(x_i, c), which has one minimum, within a unit of [0, 1]: a
    /// pixel that is always black has its minimum at minus infinity.
    pub fn best_constants(&self, loss: impl Fn(f64, f64) -> f64 + Sync) -> Vec<f64> {
        /// Sections of the interval, each 0.618 of the last: 3 * 0.618^50 = 1e-10.
        const SECTIONS: usize = 50;
        let golden = 0.5 * (5f64.sqrt() - 1.0);
        let best = |i: usize| {
            let at = |c: f64| self.average(i, |x| loss(x, c));
            let (mut low, mut high) = (-1.0, 2.0);
            let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
            let (mut of_left, mut of_right) = (at(left), at(right));
            for _ in 0..SECTIONS {
                if of_left <= of_right {
                    (high, right, of_right) = (right, left, of_left);
                    left = high - golden * (high - low);
                    of_left = at(left);
                } else {
                    (low, left, of_left) = (left, right, of_right);
                    right = low + golden * (high - low);
                    of_right = at(right);
                }
            }
            0.5 * (low + high)
        };
        (0..self.len()).into_par_iter().map(best).collect()
    }

    /// The mean over images of the summed cross-entropy of a constant image of probabilities `p`, in nats.
    pub fn cross_entropy_of(&self, p: &[f64]) -> f64 {
        let entropy = |i: usize, p: f64| {
            let p = p.clamp(EPSILON, 1.0 - EPSILON);
            self.average(i, |x| -x * p.ln() - (1.0 - x) * (1.0 - p).ln())
        };
        p.iter().enumerate().map(|(i, &p)| entropy(i, p)).sum()
    }

    /// The mean over images of the summed entropy of their grey levels, in nats: the least BCE that any model of pixels
    /// in [0, 1] reaches.
    pub fn grey_entropy(&self) -> f64 {
        (0..self.len()).map(|i| self.average(i, binary_entropy)).sum()
    }
}

impl Levels {
    /// The levels of the pixels numbered `pixels`; there must be at most [`BLOCK`].
    fn count(images: &Images, pixels: Range<usize>) -> Self {
        let mut histograms = vec![0u32; pixels.len() * LEVELS];
        let (whole, rest) = histograms.as_chunks_mut::<{ WORD * LEVELS }>();
        // Most words of most images are black: those are counted as one.
        let mut black = [0u32; BLOCK / WORD];
        for i in 0..images.len() {
            let (words, bytes) = images.image(i)[pixels.clone()].as_chunks::<WORD>();
            for (w, word) in words.iter().enumerate() {
                if *word == [0; WORD] {
                    black[w] += 1;
                } else {
                    add(&mut whole[w], word);
                }
            }
            add(rest, bytes);
        }
        for (histograms, black) in whole.iter_mut().zip(black) {
            histograms.chunks_exact_mut(LEVELS).for_each(|histogram| histogram[0] += black);
        }
        let mut found = Levels { starts: vec![0], ..Levels::default() };
        for histogram in histograms.chunks_exact(LEVELS) {
            for (level, &count) in (0..=u8::MAX).zip(histogram).filter(|&(_, &count)| count > 0) {
                found.levels.push(level);
                found.counts.push(count);
            }
            found.starts.push(found.levels.len());
        }
        found
    }

    /// The blocks one after the other.
    fn concatenated(blocks: &[Levels]) -> Self {
        let total = blocks.iter().map(|block| block.levels.len()).sum();
        let (levels, counts) = (Vec::with_capacity(total), Vec::with_capacity(total));
        let mut all = Levels { starts: vec![0], levels, counts };
        for block in blocks {
            let before = all.levels.len();
            all.starts.extend(block.starts[1..].iter().map(|start| before + start));
            all.levels.extend(&block.levels);
            all.counts.extend(&block.counts);
        }
        all
    }

    /// (level, count) of pixel `i`, ascending.
    fn of(&self, i: usize) -> impl Iterator<Item = (usize, u32)> {
        let range = self.starts[i]..self.starts[i + 1];
        self.levels[range.clone()].iter().map(|&level| usize::from(level)).zip(self.counts[range].iter().copied())
    }
}

/// Counts each byte in the histogram of its pixel.
fn add(histograms: &mut [u32], bytes: &[u8]) {
    for (i, &byte) in bytes.iter().enumerate() {
        histograms[i * LEVELS + usize::from(byte)] += 1;
    }
}

/// The grey of a byte in [0, 1].
fn grey(level: usize) -> f64 {
    level as f64 / (LEVELS - 1) as f64
}

/// -p log p - (1-p) log(1-p) in nats; 0 outside (0, 1).
fn binary_entropy(p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return 0.0;
    }
    -p * p.ln() - (1.0 - p) * (1.0 - p).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::batches::PixelRange;

    const GREY: Pixels = Pixels { binarize: Binarize::None, range: PixelRange::Unit };

    /// Images of 13 x 11 pixels, more than two blocks, each a different pattern.
    fn patterns(n: usize) -> Images {
        let bytes = (0..n * 143).map(|i| (i * i / 7 % 251) as u8).collect();
        Images::new(bytes, vec![0; n], 13, 11).unwrap()
    }

    #[test]
    fn averages_are_those_of_the_definition_across_blocks_of_pixels() {
        let images = patterns(37);
        let stats = PixelStats::of(&images, GREY);
        let shown = |i: usize, k: usize| f64::from(images.image(i)[k]) / 255.0;
        let means = stats.means();
        for (k, &mean) in means.iter().enumerate() {
            let expected = (0..37).map(|i| shown(i, k)).sum::<f64>() / 37.0;
            assert!((mean - expected).abs() < 1e-12, "pixel {k}: {mean} is not {expected}");
            let mut sorted: Vec<f64> = (0..37).map(|i| shown(i, k)).collect();
            sorted.sort_by(f64::total_cmp);
            assert_eq!(stats.median(k), sorted[18], "pixel {k}");
        }
        let squared =
            (0..37).map(|i| (0..143).map(|k| (shown(i, k) - means[k]).powi(2)).sum::<f64>()).sum::<f64>() / 37.0;
        assert!((stats.squared_error_of(&means) - squared).abs() < 1e-10);
        let threshold = PixelStats::of(&images, Pixels { binarize: Binarize::Threshold, ..GREY });
        let white = (0..37).filter(|&i| images.image(i)[142] >= 128).count();
        assert!((threshold.means()[142] - white as f64 / 37.0).abs() < 1e-12);
    }

    #[test]
    fn black_pixels_are_counted_in_whole_words_and_beside_others() {
        // 143 pixels: whole words of eight, and a rest of seven.
        let bytes: Vec<u8> = (0..50 * 143).map(|i| if i % 61 == 0 { (i % 256) as u8 } else { 0 }).collect();
        let images = Images::new(bytes, vec![0; 50], 13, 11).unwrap();
        let stats = PixelStats::of(&images, GREY);
        let Counts::Grey(levels) = &stats.counts else { panic!() };
        for k in 0..143 {
            let mut expected = [0u32; LEVELS];
            (0..50).for_each(|i| expected[usize::from(images.image(i)[k])] += 1);
            let found: Vec<_> = levels.of(k).collect();
            let expected: Vec<_> = expected.into_iter().enumerate().filter(|&(_, count)| count > 0).collect();
            assert_eq!(found, expected, "pixel {k}");
        }
    }

    #[test]
    fn two_images_of_a_million_pixels_take_megabytes() {
        let images = Images::new(vec![7; 2 << 20], vec![0, 1], 1024, 1024).unwrap();
        let PixelStats { counts: Counts::Grey(levels), .. } = PixelStats::of(&images, GREY) else { panic!() };
        // One level per pixel: 8 bytes of start, 1 of level, 4 of count; it was 1 KB per pixel and thread.
        assert_eq!((levels.levels.len(), levels.counts.len(), levels.starts.len()), (1 << 20, 1 << 20, (1 << 20) + 1));
    }

    #[test]
    fn images_of_one_value_have_no_variance_to_divide_by_and_one_other_byte_is_enough() {
        for byte in [0, 100, 255] {
            for binarize in [Binarize::None, Binarize::Threshold] {
                let mut bytes = vec![byte; 784 * 600];
                let stats = |bytes: &[u8]| {
                    let images = Images::new(bytes.to_vec(), vec![0; 600], 28, 28).unwrap();
                    PixelStats::of(&images, Pixels { binarize, ..GREY })
                };
                let why = stats(&bytes).positive_variance().unwrap_err();
                assert!(matches!(&why, Error::Data(text) if text.contains("1/data-variance")), "{why}");
                bytes[1000] = if byte == 255 { 0 } else { 255 };
                assert!(stats(&bytes).positive_variance().unwrap() > 0.0);
            }
        }
    }
}
