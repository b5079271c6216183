//! Which data a run gets: what `--data` asks for, and never a silent substitute.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};

use super::dataset::{Dataset, DatasetName, FileDigest, Identity};
use super::directory::{Contents, is_complete, read_dir};
use super::fetch::obtain;
use super::fetch_error::FetchError;
use super::images::Images;
use super::known::KnownDataset;
use super::source::DataSource;
use super::{cache, idx, synthetic};
use crate::error::{Error, Result};

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

/// The synthetic digits are one data set, not one per seed: runs of several seeds must differ in the run alone.
const SYNTHETIC_SEED: u64 = 1;

/// [`load_until`] without a stop flag.
///
/// # Errors
/// As [`load_until`].
pub fn load(source: DataSource, data_dir: Option<&Path>) -> Result<Loaded> {
    load_until(source, data_dir, &AtomicBool::new(false))
}

/// Loads and verifies what `source` asks for; `data_dir` is where the user says it is. `stop` ends a download.
///
/// Under `auto` the synthetic digits take the place of a data set that cannot be reached, and of nothing else.
///
/// # Errors
/// [`Error::Data`] with the file and the hint; [`Error::Interrupted`] where `stop` ended a download.
pub fn load_until(source: DataSource, data_dir: Option<&Path>, stop: &AtomicBool) -> Result<Loaded> {
    let plain = |dataset| Loaded { dataset, warning: None };
    let auto = KnownDataset::default_entry();
    match (source, data_dir) {
        (DataSource::Synthetic, _) => Ok(plain(synthetic_dataset()?)),
        (DataSource::Auto, Some(dir)) => read_dir(dir, Contents::Known(auto)).map(plain),
        (DataSource::Known(known), Some(dir)) => read_dir(dir, Contents::Known(known)).map(plain),
        (DataSource::Idx, Some(dir)) => read_dir(dir, Contents::AnyIdx).map(plain),
        (DataSource::Idx, None) => {
            Err(Error::Usage("--data idx reads your own files: name their directory with --data-dir".into()))
        }
        (DataSource::Known(known), None) => Ok(plain(obtain(known, stop)?)),
        (DataSource::Auto, None) => match obtain(auto, stop) {
            Ok(dataset) => Ok(plain(dataset)),
            Err(FetchError::Unreachable(why)) => Ok(Loaded {
                dataset: synthetic_dataset()?,
                warning: Some(format!(
                    "{title} is not available, so this uses the built-in SYNTHETIC digits: its numbers are not {title}'s.\n\
                     why: {why}",
                    title = auto.title
                )),
            }),
            Err(FetchError::Failed(why)) => Err(why),
        },
    }
}

/// What [`load`] would give, where that can be said without reading it: known data sets are identified by their digests.
///
/// The files may still prove to be damaged or missing when they are loaded, which then is an error.
pub fn identify(source: DataSource, data_dir: Option<&Path>) -> Option<Identity> {
    let auto = KnownDataset::default_entry();
    let is_cached = || cache::dataset_dir(auto).is_ok_and(|dir| is_complete(&dir, auto));
    match (source, data_dir) {
        (DataSource::Known(known), _) => Some(Identity::of(known)),
        (DataSource::Auto, Some(_)) => Some(Identity::of(auto)),
        (DataSource::Auto, None) => is_cached().then(|| Identity::of(auto)),
        (DataSource::Synthetic | DataSource::Idx, _) => None,
    }
}

fn synthetic_dataset() -> Result<Dataset> {
    let draw = |split, count| {
        let digits = synthetic::digits(SYNTHETIC_SEED, split, count);
        Images::new(digits.pixels, digits.labels, synthetic::HEIGHT, synthetic::WIDTH)
    };
    let (train, test) =
        rayon::join(|| draw(synthetic::Split::Train, SYNTHETIC_TRAIN), || draw(synthetic::Split::Test, SYNTHETIC_TEST));
    let (train, test) = (train?, test?);
    let digest = |name: &str, images: &Images| {
        let hash = Sha256::new().chain_update(images.bytes()).chain_update(images.labels());
        FileDigest { file: name.to_owned(), sha256: idx::hex(&hash.finalize()) }
    };
    let (train_digest, test_digest) =
        rayon::join(|| digest("synthetic-train", &train), || digest("synthetic-test", &test));
    Ok(Dataset::new(DatasetName::Synthetic, train, test, vec![train_digest, test_digest]))
}
