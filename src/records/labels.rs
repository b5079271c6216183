//! `labels.toml`: a person's tags and note on a run. They determine nothing and may be changed at any time, so they are kept
//! apart from what the run has recorded and sealed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::RunDir;
use crate::error::{Error, Result};
use crate::files::{MOST_TEXT, read_regular, write_atomically};

/// Tags and note of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Labels {
    /// Words to find it by.
    pub tags: BTreeSet<String>,
    /// A sentence; empty for none.
    pub note: String,
}

impl Labels {
    /// The labels of the run in `dir`; none where there is no such file, or it is none.
    pub fn read(dir: &RunDir) -> Self {
        let text = read_regular(&dir.labels(), MOST_TEXT).ok();
        text.and_then(|text| toml::from_str(&String::from_utf8_lossy(&text)).ok()).unwrap_or_default()
    }

    /// Adds `tags`, and puts `note` in the place of the old one, if one is given.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be written.
    pub fn add(dir: &RunDir, tags: &[String], note: Option<&str>) -> Result<()> {
        let old = Labels::read(dir);
        let mut new = old.clone();
        new.tags.extend(tags.iter().cloned());
        if let Some(note) = note {
            note.clone_into(&mut new.note);
        }
        if new == old {
            return Ok(());
        }
        let text =
            toml::to_string(&new).map_err(|e| Error::Run(format!("labels.toml cannot hold these labels ({e})")))?;
        write_atomically(&dir.labels(), text.as_bytes())
    }
}
