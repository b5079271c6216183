//! Images: where they come from, that they are what they say, and the batches made of them.

mod batches;
mod cache;
#[cfg(feature = "hub")]
mod hub;
pub mod idx;
pub mod mnist;
mod source;
mod spectrum;
mod stats;
pub mod synthetic;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use batches::{Binarize, PixelDraw, PixelRange, Pixels};
pub use source::{DataSource, Loaded, cache_dir, fetch, identify, load};
pub use spectrum::{Spectrum, eigenvalues};
pub use stats::PixelStats;

use crate::error::{Error, Result};
use crate::rng::{Purpose, Stream};

/// The data set that was really used; stands in every table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatasetName {
    /// The real MNIST, verified by its SHA-256.
    Mnist,
    /// The built-in stroke-drawn digits.
    Synthetic,
    /// Files in MNIST's format that are not MNIST's.
    Idx,
}

impl DatasetName {
    /// What must be asked for to get exactly this data set.
    pub fn source(self) -> DataSource {
        match self {
            DatasetName::Mnist => DataSource::Mnist,
            DatasetName::Synthetic => DataSource::Synthetic,
            DatasetName::Idx => DataSource::Idx,
        }
    }

    /// The name in every table.
    pub fn name(self) -> &'static str {
        match self {
            DatasetName::Mnist => "mnist",
            DatasetName::Synthetic => "synthetic",
            DatasetName::Idx => "idx",
        }
    }
}

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

    /// D.
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

    /// A random subset of `count` images in their original order, drawn under `seed`.
    fn subset(&self, count: usize, seed: u64, split: u64) -> Images {
        let mut chosen = Stream::new(seed, Purpose::Subset, 0, split).permutation(self.len());
        chosen.truncate(count);
        chosen.sort_unstable();
        let pixels = chosen.iter().flat_map(|&i| self.image(i as usize)).copied().collect();
        let labels = chosen.iter().map(|&i| self.labels[i as usize]).collect();
        Images { pixels, labels, height: self.height, width: self.width }
    }
}

/// SHA-256 of one uncompressed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// The file's name in the MNIST distribution, or `synthetic`.
    pub file: String,
    /// In hexadecimal.
    pub sha256: String,
}

fn digest<'a>(files: impl Iterator<Item = &'a str>) -> String {
    let mut all = Sha256::new();
    files.for_each(|sha256| all.update(sha256));
    idx::hex(&all.finalize())
}

/// Which data set, without the images: what the name of a run is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What it is.
    pub name: DatasetName,
    /// [`Dataset::digest`].
    pub digest: String,
    /// D, pixels of an image.
    pub pixels: usize,
}

impl Identity {
    /// The real MNIST.
    fn mnist() -> Self {
        Identity {
            name: DatasetName::Mnist,
            digest: digest(mnist::FILES.iter().map(|file| file.sha256)),
            pixels: mnist::PIXELS,
        }
    }
}

/// Training and test images of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// What it is.
    pub name: DatasetName,
    /// Images to train on.
    pub train: Images,
    /// Images to measure on.
    pub test: Images,
    /// What identifies the content.
    pub files: Vec<FileDigest>,
    /// Training images before any subset was taken.
    all_train_images: usize,
}

impl Dataset {
    /// The whole of a data set.
    pub fn new(name: DatasetName, train: Images, test: Images, files: Vec<FileDigest>) -> Self {
        Dataset { name, all_train_images: train.len(), train, test, files }
    }

    /// Whether all training images are there, not a subset.
    pub fn is_whole(&self) -> bool {
        self.all_train_images == self.train.len()
    }

    /// D, pixels of an image.
    pub fn pixels(&self) -> usize {
        self.train.pixels_per_image()
    }

    /// One digest for the whole content, independent of how it was stored.
    pub fn digest(&self) -> String {
        digest(self.files.iter().map(|file| file.sha256.as_str()))
    }

    /// Which data set this is.
    pub fn identity(&self) -> Identity {
        Identity { name: self.name, digest: self.digest(), pixels: self.pixels() }
    }

    /// Seeded random subsets of the given sizes (`None`: all).
    ///
    /// # Errors
    /// [`Error::Usage`] where more is asked for than there is.
    pub fn subset(self, train_size: Option<usize>, test_size: Option<usize>, seed: u64) -> Result<Dataset> {
        let take = |images: Images, size: Option<usize>, flag: &str, split: u64| match size {
            None => Ok(images),
            Some(n) if n == images.len() => Ok(images),
            Some(n) if n > images.len() => Err(Error::Usage(format!(
                "{flag} {n}: the {} data set has {} of these images; ask for at most that many",
                self.name.name(),
                images.len()
            ))),
            Some(n) => Ok(images.subset(n, seed, split)),
        };
        let train = take(self.train, train_size, "--train-size", 0)?;
        let test = take(self.test, test_size, "--test-size", 1)?;
        Ok(Dataset { train, test, name: self.name, files: self.files, all_train_images: self.all_train_images })
    }
}
