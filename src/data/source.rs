//! What `--data` asks for.

use std::fmt;
use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::{Deserialize, Serialize};

use super::known::{KNOWN, KnownDataset};

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
