//! SHA-256 of a run's files: what is held against them when they are read again.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Manifest, RunDir};
use crate::data::FileDigest;
use crate::files::{MOST_WEIGHTS, read_regular};

/// SHA-256 of `bytes`, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// `bytes` as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file of a run, held against the record of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedFile {
    /// Its name in the run's directory.
    pub file: String,
    /// SHA-256 of its content, or why it is not what the run wrote.
    pub content: Result<String, String>,
}

/// Which of the files that `run.json` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Tables and settings, which are small.
    Tables,
    /// The trained weights as well.
    All,
}

/// Whether `bytes` are the content of `file` that `manifest` lists; a file that it does not list passes.
///
/// # Errors
/// What is wrong, as a sentence.
pub fn check_content(manifest: &Manifest, file: &str, bytes: &[u8]) -> Result<(), String> {
    match manifest.files.iter().find(|listed| listed.file == file) {
        Some(listed) if listed.sha256 != sha256(bytes) => {
            Err("it is not what the run wrote: its SHA-256 is not the one in run.json".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

/// Reads the files of `dir` that `manifest` lists and holds each against its SHA-256.
pub fn check_files(dir: &RunDir, manifest: &Manifest, extent: Extent) -> Vec<CheckedFile> {
    let wanted = |listed: &&FileDigest| match extent {
        Extent::Tables => dir.path().join(&listed.file) != dir.model(),
        Extent::All => true,
    };
    let check = |listed: &FileDigest| {
        let content = read(&dir.path().join(&listed.file))
            .and_then(|bytes| check_content(manifest, &listed.file, &bytes).map(|()| listed.sha256.clone()));
        CheckedFile { file: listed.file.clone(), content }
    };
    manifest.files.iter().filter(wanted).map(check).collect()
}

/// The first file that fails, as a sentence.
///
/// # Errors
/// The file and the reason.
pub fn first_failure(dir: &RunDir, checked: &[CheckedFile]) -> Result<(), String> {
    checked.iter().try_for_each(|checked| match &checked.content {
        Ok(_) => Ok(()),
        Err(why) => Err(format!("{}: {why}", dir.path().join(&checked.file).display())),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    read_regular(path, MOST_WEIGHTS).map_err(|e| e.to_string())
}
