//! A data set: training and test images, its name and its digests.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::idx::hex;
use super::images::Images;
use super::known::KnownDataset;
use super::source::DataSource;
use crate::error::{Error, Result};

/// The data set that was really used; it stands in every table.
///
/// Written as the name of a known data set, `synthetic`, `idx`, or `idx:NAME` for an IDX data set that the user named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DatasetName {
    /// A known data set, verified by its SHA-256.
    Known(&'static KnownDataset),
    /// The built-in stroke-drawn digits.
    Synthetic,
    /// Any other files in the IDX format, with the user's name for them if there is one.
    Idx(Option<IdxName>),
}

impl DatasetName {
    /// What must be asked for to get exactly this data set.
    pub fn source(&self) -> DataSource {
        match self {
            DatasetName::Known(known) => DataSource::Known(known),
            DatasetName::Synthetic => DataSource::Synthetic,
            DatasetName::Idx(_) => DataSource::Idx,
        }
    }

    /// The user's name for it.
    pub fn label(&self) -> Option<&IdxName> {
        match self {
            DatasetName::Idx(label) => label.as_ref(),
            DatasetName::Known(_) | DatasetName::Synthetic => None,
        }
    }

    /// The name in every table.
    pub fn name(&self) -> &str {
        match self {
            DatasetName::Known(known) => known.name,
            DatasetName::Synthetic => "synthetic",
            DatasetName::Idx(None) => "idx",
            DatasetName::Idx(Some(name)) => &name.0,
        }
    }
}

impl TryFrom<String> for DatasetName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "synthetic" => Ok(DatasetName::Synthetic),
            "idx" => Ok(DatasetName::Idx(None)),
            _ => match (KnownDataset::find(&name), name.strip_prefix(IdxName::PREFIX)) {
                (Some(known), _) => Ok(DatasetName::Known(known)),
                (None, Some(label)) => Ok(DatasetName::Idx(Some(label.parse()?))),
                (None, None) => Err(format!("no data set is called {name:?}")),
            },
        }
    }
}

impl From<DatasetName> for String {
    fn from(name: DatasetName) -> String {
        name.name().to_owned()
    }
}

/// The user's name for an IDX data set (`--data-name`): 1 to 40 ASCII letters, digits, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdxName(Arc<str>);

impl IdxName {
    /// Keeps a user's name apart from the names of known data sets.
    const PREFIX: &'static str = "idx:";

    /// The name as the user typed it.
    pub fn label(&self) -> &str {
        &self.0[IdxName::PREFIX.len()..]
    }
}

impl FromStr for IdxName {
    type Err = String;

    fn from_str(label: &str) -> Result<Self, String> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if label.is_empty() || label.len() > 40 || !label.bytes().all(allowed) {
            return Err(format!("{label:?} is no name; use 1 to 40 letters, digits, '.', '_' and '-'"));
        }
        Ok(IdxName(format!("{}{label}", IdxName::PREFIX).into()))
    }
}

impl TryFrom<String> for IdxName {
    type Error = String;

    fn try_from(label: String) -> Result<Self, String> {
        label.parse()
    }
}

impl From<IdxName> for String {
    fn from(name: IdxName) -> String {
        name.label().to_owned()
    }
}

impl fmt::Display for IdxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// SHA-256 of one uncompressed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// The file's name in the MNIST distribution, or `synthetic-train`, `synthetic-test`.
    pub file: String,
    /// In hexadecimal.
    pub sha256: String,
}

/// The SHA-256 of the digests in their order.
fn combined_digest<'a>(digests: impl Iterator<Item = &'a str>) -> String {
    let mut all = Sha256::new();
    digests.for_each(|sha256| all.update(sha256));
    hex(&all.finalize())
}

/// Which data set, without the images: what the name of a run is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub name: DatasetName,
    /// [`Dataset::digest`].
    pub digest: String,
    /// D, pixels per image.
    pub pixels: usize,
}

impl Identity {
    /// That of the same images at `side` x `side` pixels.
    #[must_use]
    pub fn resized(self, side: Option<usize>) -> Self {
        Identity { pixels: side.map_or(self.pixels, |n| n * n), ..self }
    }

    /// That of a known data set, without reading it.
    pub fn of(known: &'static KnownDataset) -> Self {
        Identity {
            name: DatasetName::Known(known),
            digest: combined_digest(known.files.iter().map(|file| file.sha256)),
            pixels: known.pixels(),
        }
    }
}

/// Training and test images of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Its name.
    pub name: DatasetName,
    /// Images to train on.
    pub train: Images,
    /// Images to measure on.
    pub test: Images,
    /// What identifies the content.
    pub files: Vec<FileDigest>,
    /// Training images before any subset was taken.
    all_train_images: usize,
    /// The side that the images were scaled to, where they were.
    side: Option<usize>,
}

impl Dataset {
    /// The whole of a data set.
    pub fn new(name: DatasetName, train: Images, test: Images, files: Vec<FileDigest>) -> Self {
        Dataset { name, all_train_images: train.len(), train, test, files, side: None }
    }

    /// The same images under the user's name; known and synthetic data sets keep their own.
    #[must_use]
    pub fn named(mut self, label: Option<IdxName>) -> Self {
        if let DatasetName::Idx(name) = &mut self.name {
            *name = label;
        }
        self
    }

    /// The same images at `side` x `side` pixels (`None`: as they are); the digests stay those of the files.
    ///
    /// # Errors
    /// As [`Images::resized`].
    pub fn resized(self, side: Option<usize>) -> Result<Dataset> {
        let Some(n) = side else { return Ok(self) };
        let (train, test) = (self.train.resized(n)?, self.test.resized(n)?);
        Ok(Dataset { train, test, side, ..self })
    }

    /// The side that the images were scaled to, where they were.
    pub fn side(&self) -> Option<usize> {
        self.side
    }

    /// Whether all training images are there, not a subset.
    pub fn is_whole(&self) -> bool {
        self.all_train_images == self.train.len()
    }

    /// D, pixels per image.
    pub fn pixels(&self) -> usize {
        self.train.pixels_per_image()
    }

    /// One digest for the whole content, independent of how it was stored.
    pub fn digest(&self) -> String {
        combined_digest(self.files.iter().map(|file| file.sha256.as_str()))
    }

    /// Which data set this is.
    pub fn identity(&self) -> Identity {
        Identity { name: self.name.clone(), digest: self.digest(), pixels: self.pixels() }
    }

    /// Seeded random subsets of the given sizes (`None`: all).
    ///
    /// # Errors
    /// [`Error::Usage`] where more is asked for than there is.
    pub fn subset(self, train_size: Option<usize>, test_size: Option<usize>, seed: u64) -> Result<Dataset> {
        let name = self.name.clone();
        let take = |images: Images, size: Option<usize>, flag: &str, stream: u64| match size {
            None => Ok(images),
            Some(n) if n == images.len() => Ok(images),
            Some(n) if n > images.len() => Err(Error::Usage(format!(
                "{flag} {n}: the {} data set has {} of these images; ask for at most that many",
                name.name(),
                images.len()
            ))),
            Some(n) => Ok(images.subset(n, seed, stream)),
        };
        let train = take(self.train, train_size, "--train-size", 0)?;
        let test = take(self.test, test_size, "--test-size", 1)?;
        Ok(Dataset { train, test, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::known::KNOWN;

    #[test]
    fn every_name_is_read_back_from_what_is_written() {
        let named = DatasetName::Idx(Some("fashion-14x14".parse().unwrap()));
        let known = KNOWN.iter().map(DatasetName::Known);
        let names: Vec<_> = known.chain([DatasetName::Synthetic, DatasetName::Idx(None), named]).collect();
        for name in &names {
            let text = serde_json::to_string(name).unwrap();
            assert_eq!(&serde_json::from_str::<DatasetName>(&text).unwrap(), name, "{text}");
        }
        let written: Vec<&str> = names.iter().map(DatasetName::name).collect();
        assert!(["mnist", "synthetic", "idx", "idx:fashion-14x14"].iter().all(|name| written.contains(name)));
        assert!(serde_json::from_str::<DatasetName>("\"fashion\"").is_err());
    }

    #[test]
    fn a_name_that_would_break_a_table_or_a_key_is_refused() {
        for label in ["", "a,b", "a/b", "a b", "a\nb", "\u{e9}", &"x".repeat(41)] {
            assert!(label.parse::<IdxName>().is_err(), "{label:?}");
        }
    }

    #[test]
    fn only_an_idx_data_set_takes_the_users_name() {
        let images = || Images::new(vec![0], vec![0], 1, 1).unwrap();
        let label: IdxName = "mine".parse().unwrap();
        let named = |name| Dataset::new(name, images(), images(), Vec::new()).named(Some(label.clone())).name;
        assert_eq!(named(DatasetName::Idx(None)).name(), "idx:mine");
        assert_eq!(named(DatasetName::Synthetic).name(), "synthetic");
    }
}
