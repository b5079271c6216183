//! A table that grows by rows, and the digest of what it holds.

use std::fs::File;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::files::{Disk, MOST_TEXT, read_regular};
use crate::records::hexadecimal;

/// How long a table was when a checkpoint was made, and what it held; later rows are cut off when the run resumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableMark {
    /// In bytes.
    pub(super) length: u64,
    /// SHA-256 of so many bytes; none in checkpoints of earlier versions.
    pub(super) sha256: Option<String>,
}

/// A table open for writing.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    file: File,
    length: u64,
    hash: Sha256,
}

impl Table {
    /// A table at `path` that holds `content` so far, in a new file: what another process still writes into the old one is
    /// no part of it.
    pub(super) fn begin(disk: &Disk, path: &Path, content: &[u8]) -> Result<Self> {
        disk.replace(path, content)?;
        let file = disk.append(path).map_err(|e| Error::output(path, "write", e))?;
        let hash = Sha256::new_with_prefix(content);
        Ok(Table { path: path.to_owned(), file, length: content.len() as u64, hash })
    }

    /// Adds `rows`.
    pub(super) fn append(&mut self, disk: &Disk, rows: &[u8]) -> Result<()> {
        disk.write(&self.path, &self.file, rows).map_err(|e| Error::output(&self.path, "write", e))?;
        self.length += rows.len() as u64;
        self.hash.update(rows);
        Ok(())
    }

    /// Returns when all rows are on the disk.
    pub(super) fn sync(&self, disk: &Disk) -> Result<()> {
        disk.sync(&self.path, &self.file).map_err(|e| Error::output(&self.path, "write", e))
    }

    /// What it holds now.
    pub(super) fn mark(&self) -> TableMark {
        TableMark { length: self.length, sha256: Some(self.sha256()) }
    }

    /// SHA-256 of what it holds now.
    pub(super) fn sha256(&self) -> String {
        hexadecimal(&self.hash.clone().finalize())
    }
}

/// Why a table cannot be continued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TableFault {
    /// It is missing or holds less than it did: its rows are lost, and with them the work.
    Lost(String),
    /// It holds something else than what was written: an editor, or a fault of the disk.
    Changed(String),
}

/// The part of the table at `path` that `mark` speaks of.
pub(super) fn marked(path: &Path, mark: &TableMark) -> Result<Vec<u8>, TableFault> {
    let mut content =
        read_regular(path, MOST_TEXT).map_err(|e| TableFault::Lost(format!("{}: {e}", path.display())))?;
    if (content.len() as u64) < mark.length {
        return Err(TableFault::Lost(format!("{} is shorter than it was", path.display())));
    }
    content.truncate(mark.length as usize);
    let found = hexadecimal(&Sha256::digest(&content));
    if mark.sha256.as_ref().is_some_and(|expected| *expected != found) {
        return Err(TableFault::Changed(format!(
            "{}: holds other rows than this run has written (edited, saved with other line ends, or damaged)",
            path.display()
        )));
    }
    Ok(content)
}
