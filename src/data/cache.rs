//! The places on disk where downloaded and computed things are kept.

use std::path::PathBuf;

use super::known::KnownDataset;
use crate::error::{Error, Result};

/// `$XDG_CACHE_HOME/vae-bench`, or `~/.cache/vae-bench`; none where neither variable holds an absolute path.
pub fn root() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("vae-bench"))
}

/// The directory that holds the four files of `known` once it was downloaded.
///
/// # Errors
/// [`Error::Data`] where the environment names no home.
pub fn dataset_dir(known: &KnownDataset) -> Result<PathBuf> {
    root().map(|root| root.join(known.name)).ok_or_else(|| {
        Error::Data("no place for a cache: set HOME or XDG_CACHE_HOME, or name the files with --data-dir".into())
    })
}
