//! A run on disk: its files by name, and their formats. Written by `run`, read by everything that compares runs.

mod columns;
mod comparable;
mod copies;
mod digest;
mod labels;
mod manifest;
pub mod merged;
mod tables;

use std::path::{Path, PathBuf};

pub use columns::{Cell, Column, read_row};
pub use comparable::{Comparable, TestImages};
pub use copies::{OneOfEach, one_of_each};
pub use digest::{CheckedFile, Extent, check_content, check_files, first_failure, hexadecimal, sha256};
pub use labels::Labels;
pub use manifest::{DataFacts, Host, Manifest, ObjectiveFacts, Request, SCHEMA, Status, Versions, host_name, now};
pub use tables::{
    TIMING_HEADER, codes_table, latents_table, metrics_header, metrics_rows, parse_latents, parse_metrics,
    parse_timing, timing_row,
};

use crate::error::{Error, Result};
use crate::files::{MOST_TEXT, read_regular};
use crate::metrics::EpochRecord;
use crate::spec::Settings;

/// The directory of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// The run directory at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        RunDir(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `config.toml`: the whole resolved spec.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The settings in `config.toml`.
    ///
    /// # Errors
    /// [`Error::Run`] where they cannot be read, or it is no regular file, which might be waited for without end.
    pub fn settings(&self) -> Result<Settings> {
        let path = self.config();
        if path.exists() && !path.is_file() {
            return Err(Error::Run(format!("{}: cannot read: it is no regular file; repeat the run", path.display())));
        }
        Settings::read_recorded(&path).map_err(|e| Error::Run(e.to_string()))
    }

    /// `metrics.csv`: one row per (epoch, split).
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.csv")
    }

    /// `timing.csv`: the clock of every epoch.
    pub fn timing(&self) -> PathBuf {
        self.0.join("timing.csv")
    }

    /// `latents.csv`: K of every latent of the trained model.
    pub fn latents(&self) -> PathBuf {
        self.0.join("latents.csv")
    }

    /// `codes.csv`: the use of every codebook entry of a trained VQ-VAE.
    pub fn codes(&self) -> PathBuf {
        self.0.join("codes.csv")
    }

    /// `images/`: what the trained model paints, where that was asked for.
    pub fn images_dir(&self) -> PathBuf {
        self.0.join("images")
    }

    /// `run.json`: how the run came about and where it stands.
    pub fn manifest(&self) -> PathBuf {
        self.0.join("run.json")
    }

    /// `model.safetensors`: the trained weights.
    pub fn model(&self) -> PathBuf {
        self.0.join("model.safetensors")
    }

    /// `checkpoint/`: what resume needs.
    pub fn checkpoint_dir(&self) -> PathBuf {
        self.0.join("checkpoint")
    }

    /// The one file in `checkpoint/`.
    pub fn checkpoint(&self) -> PathBuf {
        self.checkpoint_dir().join("state.safetensors")
    }

    /// `labels.toml`: a person's tags and note, where there are some.
    pub fn labels(&self) -> PathBuf {
        self.0.join("labels.toml")
    }

    /// Why the last attempt failed, where it did: one line of text.
    pub fn failure(&self) -> PathBuf {
        self.0.join("failure.txt")
    }

    /// The lock of generation `generation`, held by the process that works on the run; 0 is that of earlier versions.
    pub fn lock(&self, generation: u64) -> PathBuf {
        match generation {
            0 => self.0.join(".lock"),
            later => self.0.join(format!(".lock.{later}")),
        }
    }
}

impl RunDir {
    /// Whether `path`, in this directory or in `checkpoint/`, is what a process leaves that is killed while it writes a file
    /// of the run or takes its lock.
    pub fn is_litter(&self, path: &Path) -> bool {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
        // Earlier versions took a lock over by a second one, `.taking`.
        if name.starts_with(".lock.") && (name.ends_with(".tmp") || name.ends_with(".taking")) {
            return true;
        }
        let files = [self.config(), self.metrics(), self.timing(), self.latents(), self.manifest(), self.model()];
        let files = files.into_iter().chain([self.codes(), self.checkpoint(), self.failure(), self.labels()]);
        let mut names = files.filter_map(|file| Some(file.file_name()?.to_str()?.to_owned()));
        name.ends_with(".tmp") && names.any(|file| name.strip_prefix(&file).is_some_and(|rest| rest.starts_with('.')))
    }
}

/// A run read back whole.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// How it came about.
    pub manifest: Manifest,
    /// Its settings, complete.
    pub settings: Settings,
    /// The rows of `metrics.csv`.
    pub metrics: Vec<EpochRecord>,
}

impl RunRecord {
    /// What R was measured on and in.
    ///
    /// # Errors
    /// [`Error::Run`] where a setting is missing that the key needs.
    pub fn comparable(&self) -> Result<Comparable> {
        Comparable::of(&self.manifest.data, &self.settings).map_err(|why| {
            Error::Run(format!("run {:?}: {why}; its config.toml is damaged, repeat the run", self.manifest.run))
        })
    }

    /// The last epoch that has a row.
    pub fn last_epoch(&self) -> Option<u32> {
        self.metrics.iter().map(|row| row.epoch).max()
    }

    /// Reads the run in `dir`; what a finished run's `run.json` lists is held against its SHA-256, all but the weights.
    ///
    /// # Errors
    /// [`Error::Run`] with the file and the reason.
    pub fn read(dir: &RunDir) -> Result<Self> {
        let damaged = |path: &Path, why: String| {
            Error::Run(format!(
                "{}: not readable as a run's file ({}); name run directories, or repeat the run",
                path.display(),
                why.replace('\n', "; ")
            ))
        };
        let manifest = Manifest::read(&dir.manifest()).map_err(|why| damaged(&dir.manifest(), why))?;
        let settings = dir.settings()?;
        let mut text = read_regular(&dir.metrics(), MOST_TEXT).map_err(|e| Error::input(&dir.metrics(), "read", e))?;
        match manifest.status {
            // The last row may be half written.
            Status::Running | Status::Interrupted => {
                let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
                text.truncate(whole);
            }
            Status::Completed | Status::Diverged => {
                let mut checked = check_files(dir, &manifest, Extent::Tables);
                // What the latents were can be measured anew: `eval` does so.
                checked.retain(|checked| checked.file != "latents.csv" || dir.latents().exists());
                checked.retain(|checked| checked.file != "codes.csv" || dir.codes().exists());
                first_failure(dir, &checked)
                    .map_err(|why| Error::Run(format!("{why}; restore the file, or repeat the run with --force")))?;
            }
        }
        let metrics = parse_metrics(&text).map_err(|why| damaged(&dir.metrics(), why))?;
        Ok(RunRecord { manifest, settings, metrics })
    }
}
