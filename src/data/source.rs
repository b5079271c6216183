//! Which data a run gets: what `--data` asks for, and never a silent substitute.

use std::fmt;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::dataset::{Dataset, DatasetName, FileDigest, Identity};
use super::directory::{Contents, is_complete, read_dir};
use super::fetch::{FetchError, obtain};
use super::images::Images;
use super::known::{KNOWN, KnownDataset};
use super::{cache, idx, synthetic};
use crate::error::{Error, Result};

/// What `--data` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DataSource {
    /// The real MNIST if it is available (--data-dir, the cache, a download), else the synthetic digits with a warning.
    Auto,
    /// A known data set, verified by SHA-256, or an error.
    Known(&'static KnownDataset),
    /// The built-in stroke-drawn digits: no file, no network.
    Synthetic,
    /// Any four files in MNIST's format in --data-dir.
    Idx,
}

impl DataSource {
    /// The value of `--data`, also in every file.
    pub fn name(self) -> &'static str {
        match self {
            DataSource::Auto => "auto",
            DataSource::Known(known) => known.name,
            DataSource::Synthetic => "synthetic",
            DataSource::Idx => "idx",
        }
    }
}

/// All of them, in the order of the help.
static SOURCES: LazyLock<Vec<DataSource>> = LazyLock::new(|| {
    let known = KNOWN.iter().map(DataSource::Known);
    [DataSource::Auto].into_iter().chain(known).chain([DataSource::Synthetic, DataSource::Idx]).collect()
});

impl ValueEnum for DataSource {
    fn value_variants<'a>() -> &'a [Self] {
        &SOURCES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let title = KnownDataset::default_entry().title;
        let help = match self {
            DataSource::Auto => format!(
                "the real {title} if available (--data-dir, the cache, a download), else synthetic with a warning"
            ),
            DataSource::Known(known) => format!("the real {}, verified by SHA-256, or an error", known.title),
            DataSource::Synthetic => "the built-in stroke-drawn digits: no file, no network".into(),
            DataSource::Idx => "any four files in MNIST's format in --data-dir".into(),
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl fmt::Display for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<String> for DataSource {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        SOURCES.iter().copied().find(|source| source.name() == name).ok_or_else(|| {
            let names: Vec<&str> = SOURCES.iter().map(|source| source.name()).collect();
            format!("no data set is called {name:?}; there are {}", names.join(", "))
        })
    }
}

impl From<DataSource> for String {
    fn from(source: DataSource) -> String {
        source.name().to_owned()
    }
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
        (DataSource::Known(known), _) => Some(known.identity()),
        (DataSource::Auto, Some(_)) => Some(auto.identity()),
        (DataSource::Auto, None) => is_cached().then(|| auto.identity()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_read_back_by_its_name_from_files_and_flags() {
        let names: Vec<&str> = SOURCES.iter().map(|source| source.name()).collect();
        assert!(["auto", "mnist", "synthetic", "idx"].iter().all(|name| names.contains(name)), "{names:?}");
        for &source in SOURCES.iter() {
            let text = serde_json::to_string(&source).unwrap();
            assert_eq!(serde_json::from_str::<DataSource>(&text).unwrap(), source, "{text}");
            assert_eq!(DataSource::from_str(source.name(), false).unwrap(), source);
        }
        let why = serde_json::from_str::<DataSource>("\"fashion\"").unwrap_err().to_string();
        assert!(names.iter().all(|name| why.contains(name)), "{why}");
    }
}
