//! Which data a run gets: the real MNIST if it can be had, and never a silent stand-in.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::mnist::{self, Accept};
use super::{Dataset, DatasetName, FileDigest, Identity, Images, cache, idx, synthetic};
use crate::error::{Error, Result};

/// What `--data` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DataSource {
    /// the real MNIST if it can be had (--data-dir, the cache, a download), else synthetic with a warning
    Auto,
    /// the real MNIST, verified by SHA-256, or an error
    Mnist,
    /// the built-in stroke-drawn digits: no file, no network
    Synthetic,
    /// any four files in MNIST's format in --data-dir
    Idx,
}

/// A data set, and what the user must be told about it.
#[derive(Debug)]
pub struct Loaded {
    /// The data.
    pub dataset: Dataset,
    /// Why it is not what was hoped for; to be shown where it cannot be missed.
    pub warning: Option<String>,
}

/// The numbers of synthetic images, those of MNIST.
const SYNTHETIC_TRAIN: usize = 60_000;
const SYNTHETIC_TEST: usize = 10_000;

/// The synthetic digits are one data set, not one a seed: runs of several seeds must differ in the run alone.
const SYNTHETIC_SEED: u64 = 1;

/// Loads and verifies what `source` asks for; `data_dir` is where the user says it is.
///
/// # Errors
/// [`Error::Data`], with the file and the hint; under `auto` only where a directory was named.
pub fn load(source: DataSource, data_dir: Option<&Path>) -> Result<Loaded> {
    let plain = |dataset| Loaded { dataset, warning: None };
    match (source, data_dir) {
        (DataSource::Synthetic, _) => Ok(plain(synthetic_dataset()?)),
        (DataSource::Auto | DataSource::Mnist, Some(dir)) => mnist::read_dir(dir, Accept::MnistOnly).map(plain),
        (DataSource::Idx, Some(dir)) => mnist::read_dir(dir, Accept::AnyIdx).map(plain),
        (DataSource::Idx, None) => {
            Err(Error::Usage("--data idx reads your own files: name their directory with --data-dir".into()))
        }
        (DataSource::Mnist, None) => cached_or_downloaded().map(plain),
        (DataSource::Auto, None) => match cached_or_downloaded() {
            Ok(dataset) => Ok(plain(dataset)),
            Err(why) => Ok(Loaded {
                dataset: synthetic_dataset()?,
                warning: Some(format!(
                    "MNIST could not be had, so this uses the built-in SYNTHETIC digits: its numbers are not MNIST's.\n\
                     why: {why}"
                )),
            }),
        },
    }
}

/// What [`load`] would give, where that can be said without reading it: the real MNIST is known by its digests.
///
/// The files may still prove to be damaged or missing when they are loaded, which then is an error.
pub fn identify(source: DataSource, data_dir: Option<&Path>) -> Option<Identity> {
    let mnist_is_there = || cache_dir().is_ok_and(|dir| mnist::is_present(&dir));
    match (source, data_dir) {
        (DataSource::Mnist, _) | (DataSource::Auto, Some(_)) => Some(Identity::mnist()),
        (DataSource::Auto, None) => mnist_is_there().then(Identity::mnist),
        (DataSource::Synthetic | DataSource::Idx, _) => None,
    }
}

/// The directory that `data fetch` fills.
///
/// # Errors
/// [`Error::Data`] where the environment names no home.
pub fn cache_dir() -> Result<PathBuf> {
    cache::mnist_dir().ok_or_else(|| {
        Error::Data("no place for a cache: set HOME or XDG_CACHE_HOME, or name the files with --data-dir".into())
    })
}

fn cached_or_downloaded() -> Result<Dataset> {
    let dir = cache_dir()?;
    if mnist::is_present(&dir) {
        return mnist::read_dir(&dir, Accept::MnistOnly);
    }
    fetch(&dir)?;
    mnist::read_dir(&dir, Accept::MnistOnly)
}

/// Downloads MNIST through candle-datasets, verifies it and leaves the four IDX files in `dir`.
///
/// # Errors
/// [`Error::Data`]: no network, offline by wish, or content that is not MNIST's.
#[cfg(feature = "hub")]
pub fn fetch(dir: &Path) -> Result<()> {
    for (expected, file) in mnist::FILES.iter().zip(super::hub::download()?) {
        let found = file.sha256();
        if found != expected.sha256 {
            return Err(Error::Data(format!(
                "the downloaded {} is not MNIST's (SHA-256 {}...); get the files elsewhere and name them with --data-dir",
                expected.name,
                &found[..12]
            )));
        }
        std::fs::create_dir_all(dir).map_err(|e| Error::output(dir, "create", e))?;
        crate::files::write_atomically(&dir.join(expected.name), file.bytes())?;
    }
    Ok(())
}

/// This build cannot download.
#[cfg(not(feature = "hub"))]
pub fn fetch(_dir: &Path) -> Result<()> {
    Err(Error::Data(
        "this build cannot download (feature `hub` is off); name the directory of the four MNIST files with --data-dir"
            .into(),
    ))
}

fn synthetic_dataset() -> Result<Dataset> {
    let part = |part, count| {
        let digits = synthetic::digits(SYNTHETIC_SEED, part, count);
        Images::new(digits.pixels, digits.labels, synthetic::HEIGHT, synthetic::WIDTH)
    };
    let (train, test) =
        rayon::join(|| part(synthetic::Part::Train, SYNTHETIC_TRAIN), || part(synthetic::Part::Test, SYNTHETIC_TEST));
    let (train, test) = (train?, test?);
    let digest = |name: &str, images: &Images| {
        let mut hash = Sha256::new();
        hash.update(&images.pixels);
        hash.update(&images.labels);
        FileDigest { file: name.to_owned(), sha256: idx::hex(&hash.finalize()) }
    };
    let (train_digest, test_digest) =
        rayon::join(|| digest("synthetic-train", &train), || digest("synthetic-test", &test));
    Ok(Dataset::new(DatasetName::Synthetic, train, test, vec![train_digest, test_digest]))
}
