//! The random numbers of each image.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Which of two sets of images that share none of their random numbers; the value is the tag that
/// tells their streams apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Images to learn from.
    Train = 1,
    /// Images held out.
    Test = 2,
}

/// The random numbers of one image.
pub(super) struct DigitRng(ChaCha8Rng);

impl DigitRng {
    /// The key holds the image's whole address, so no two images share a stream.
    pub(super) fn new(seed: u64, split: Split, index: u64) -> Self {
        let mut key = *b"________________________digits.1";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(split as u64).to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in `0..n` (the bias is below n / 2^32).
    pub(super) fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.0.next_u32()) * n as u64) >> 32) as usize
    }

    /// Uniform in [0, 1), in steps of 2^-24, each of which an `f32` holds exactly.
    pub(super) fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Bell-shaped about 0 and never further than `reach` (three standard deviations).
    pub(super) fn bell(&mut self, reach: f32) -> f32 {
        let sum = self.unit() + self.unit() + self.unit();
        reach * (sum / 1.5 - 1.0)
    }
}
