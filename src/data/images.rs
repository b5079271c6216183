//! Grey images of one size with their labels, as bytes.

use crate::error::{Error, Result};
use crate::rng::{Purpose, Stream};

/// Grey images of one size with their labels; pixels stay bytes until a batch needs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    height: usize,
    width: usize,
}

impl Images {
    /// `pixels` is `[n, height, width]` row by row, `labels` `[n]`.
    ///
    /// # Errors
    /// [`Error::Data`] where the lengths do not fit each other.
    pub fn new(pixels: Vec<u8>, labels: Vec<u8>, height: usize, width: usize) -> Result<Self> {
        if Some(pixels.len()) != labels.len().checked_mul(height).and_then(|n| n.checked_mul(width)) {
            return Err(Error::Data(format!(
                "{} pixel bytes are not {} images of {height} x {width}; rebuild the data set",
                pixels.len(),
                labels.len()
            )));
        }
        Ok(Images { pixels, labels, height, width })
    }

    /// How many images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// (height, width).
    pub fn size(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// D, pixels per image.
    pub fn pixels_per_image(&self) -> usize {
        self.height * self.width
    }

    /// The bytes of image `i`; `i` must be below [`Images::len`].
    pub fn image(&self, i: usize) -> &[u8] {
        let d = self.pixels_per_image();
        &self.pixels[i * d..(i + 1) * d]
    }

    /// All bytes, image after image.
    pub fn bytes(&self) -> &[u8] {
        &self.pixels
    }

    /// The class of every image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// A random subset of `count` images in their original order, drawn under `seed` from the stream numbered `stream`.
    pub(super) fn subset(&self, count: usize, seed: u64, stream: u64) -> Images {
        let mut chosen = Stream::new(seed, Purpose::Subset, 0, stream).permutation(self.len());
        chosen.truncate(count);
        chosen.sort_unstable();
        let pixels = chosen.iter().flat_map(|&i| self.image(i as usize)).copied().collect();
        let labels = chosen.iter().map(|&i| self.labels[i as usize]).collect();
        Images { pixels, labels, height: self.height, width: self.width }
    }
}
