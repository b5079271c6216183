//! Where data sets were last found on this machine, by the digests of their files: runs are moved and shared, so they record
//! what their data is and not where it lies.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cache;
use super::dataset::FileDigest;
use crate::files::{MOST_TEXT, read_regular, write_atomically};

/// Data sets that are remembered.
const MOST: usize = 100;

/// A data set, and the directory that a command named for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    files: Vec<FileDigest>,
    dir: PathBuf,
}

fn list() -> Option<PathBuf> {
    cache::root().map(|root| root.join("data-dirs.json"))
}

fn read(path: &Path) -> Vec<Place> {
    read_regular(path, MOST_TEXT).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Remembers that the data set of these `files` is in `dir`. Where there is no cache, or it cannot be written, nothing is
/// lost but the convenience: the directory can always be named with --data-dir.
pub fn remember(files: &[FileDigest], dir: &Path) {
    let (Some(path), Ok(dir)) = (list(), std::path::absolute(dir)) else { return };
    let mut places = read(&path);
    let place = Place { files: files.to_vec(), dir };
    if places.first() == Some(&place) || place.dir.to_str().is_none() {
        return;
    }
    places.retain(|known| known.files != place.files);
    places.insert(0, place);
    places.truncate(MOST);
    if let Ok(text) = serde_json::to_vec_pretty(&places)
        && path.parent().is_some_and(|cache| std::fs::create_dir_all(cache).is_ok())
    {
        let _ = write_atomically(&path, &text);
    }
}

/// The directory in which the data set of these `files` was last found, if it is still there.
pub fn find(files: &[FileDigest]) -> Option<PathBuf> {
    let place = read(&list()?).into_iter().find(|place| place.files == files)?;
    Some(place.dir).filter(|dir| dir.is_dir())
}
