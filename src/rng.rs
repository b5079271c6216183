//! Named random streams: every random number of a run is a function of (seed, purpose, epoch, index) alone.
//!
//! A stream is a ChaCha8 generator whose 256-bit key *is* that tuple, each number as a little-endian `u64`, with counter
//! and nonce 0. So there is no generator state to save with a checkpoint, and nothing depends on the order in which
//! streams are opened or on the number of threads.
//!
//! `docs/streams.md` says how every number is drawn, for a replay in another framework; [`crate::streams`] writes what a
//! run used.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

/// What a stream is for. Two purposes never share numbers. The values are part of the byte contract: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial weights; index = parameter number.
    Init = 1,
    /// The order of the training images; one stream per epoch.
    Shuffle = 2,
    /// Latent noise while training; index = batch.
    TrainNoise = 3,
    /// Latent noise while evaluating; index = image, so that batches of any size see the same noise.
    EvalNoise = 4,
    /// Bernoulli draws that binarise the training pixels; index = image.
    BinarizeTrain = 5,
    /// Bernoulli draws that binarise the test pixels; index = image.
    BinarizeTest = 6,
    /// The choice of a subset (`--train-size`, `--test-size`); index = split.
    Subset = 7,
    /// Latent noise of importance-weighted estimates; index = image.
    ImportanceNoise = 8,
    /// Samples of z from the prior for a sheet of images; index 0.
    PriorSamples = 9,
    /// The vectors of the first batch that a VQ-VAE's codebook begins with; index 0.
    CodebookStart = 10,
    /// The vectors of a batch that take the place of unused codebook entries; index = batch.
    CodebookRestart = 11,
}

/// One random stream.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// Opens the stream of `purpose` at (`epoch`, `index`) under `seed`.
    pub fn new(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> Self {
        let mut key = [0u8; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip([seed, purpose as u64, epoch, index]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Stream(ChaCha8Rng::from_seed(key))
    }

    /// A number in [0, 1), uniform over the multiples of 2^-24 (every one of them an exact `f32`).
    pub fn uniform(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 * (1.0 / (1 << 24) as f32)
    }

    /// Fills `out` with standard normal numbers: rand_distr's ziggurat in `f64`, rounded to `f32`.
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        for value in out {
            *value = StandardNormal.sample(&mut self.0);
        }
    }

    /// A whole number in [0, `bound`), without bias (Lemire 2019, "Fast random integer generation in an interval").
    fn below(&mut self, bound: u32) -> u32 {
        loop {
            let product = u64::from(self.0.next_u32()) * u64::from(bound);
            // The low word tells whether this draw belongs to the few that would favour small results.
            if product as u32 >= bound.wrapping_neg() % bound {
                return (product >> 32) as u32;
            }
        }
    }

    /// A random order of 0..n (Fisher and Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, self.below(i as u32 + 1) as usize);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_gives_the_same_numbers_and_any_other_name_gives_others() {
        let draw = |seed, purpose, epoch, index| {
            let mut out = [0f32; 8];
            Stream::new(seed, purpose, epoch, index).fill_normal(&mut out);
            out
        };
        let base = draw(1, Purpose::TrainNoise, 2, 3);
        assert_eq!(base, draw(1, Purpose::TrainNoise, 2, 3));
        for other in [
            draw(2, Purpose::TrainNoise, 2, 3),
            draw(1, Purpose::EvalNoise, 2, 3),
            draw(1, Purpose::TrainNoise, 3, 3),
            draw(1, Purpose::TrainNoise, 2, 4),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn normal_numbers_have_mean_zero_and_variance_one() {
        // 200,000 draws: the standard error of the mean is 0.0022, of the variance 0.0032; five of each are allowed.
        let mut out = vec![0f32; 200_000];
        Stream::new(1, Purpose::TrainNoise, 0, 0).fill_normal(&mut out);
        let mean = out.iter().map(|&v| f64::from(v)).sum::<f64>() / out.len() as f64;
        let variance = out.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / out.len() as f64;
        assert!(mean.abs() < 0.011, "{mean}");
        assert!((variance - 1.0).abs() < 0.016, "{variance}");
    }

    #[test]
    fn a_permutation_holds_every_index_once_and_moves_most_of_them() {
        let order = Stream::new(1, Purpose::Shuffle, 1, 0).permutation(10_000);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(i, &v)| i as u32 == v));
        // The expected number of fixed points of a random permutation is 1.
        assert!(order.iter().enumerate().filter(|&(i, &v)| i as u32 == v).count() < 10);
        assert!(Stream::new(1, Purpose::Shuffle, 1, 0).permutation(0).is_empty());
    }

    #[test]
    fn the_first_numbers_of_a_stream_never_change() {
        // Pinned: a run made with an older build must repeat to the byte.
        let mut stream = Stream::new(1, Purpose::Init, 0, 0);
        let first: Vec<u32> = (0..3).map(|_| stream.below(1_000_000)).collect();
        let mut normal = [0f32; 2];
        stream.fill_normal(&mut normal);
        assert_eq!(first, [346_824, 235_527, 539_997]);
        assert_eq!(normal, [-1.369_195_8, 0.215_805_14]);
        assert_eq!(stream.uniform().to_bits(), 1_051_979_936);
    }
}
