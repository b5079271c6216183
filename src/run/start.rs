//! The start of the work: from the checkpoint if there is a good one, else from the untrained model.

use super::checkpoint::{self, CheckpointFault, Mark};
use super::earlier::Earlier;
use super::existing::check_config;
use super::facts;
use super::job::{Existing, Started};
use super::progress::Display;
use super::ready::Ready;
use super::recorder::Tables;
use super::table::{Table, TableFault, marked};
use super::worker::Worker;
use crate::data::FileDigest;
use crate::error::{Error, Result};
use crate::files::{MOST_TEXT, read_regular};
use crate::records::{Manifest, Request, Status, TIMING_HEADER, metrics_header, now, sha256};
use crate::train::State;

/// What the checkpoint and the tables allow.
enum Checkpoint {
    Good {
        state: Box<State>,
        mark: Mark,
        metrics: Vec<u8>,
        timing: Vec<u8>,
        after_epoch: u32,
    },
    /// There is none that belongs to the run.
    Absent,
    /// It cannot be used: why.
    Unusable(String),
}

impl Worker<'_> {
    /// Resumes the run or begins it, and writes the records that say so.
    pub(super) fn start(&self, display: &mut dyn Display) -> Result<Ready> {
        // One that cannot be read was reported at the first look; it is written anew.
        let recorded = Manifest::read(&self.dir.manifest()).ok();
        if let Some(manifest) = &recorded {
            // Another run is refused even with --force.
            let _ = check_config(self.dir, self.job, manifest)?;
        }
        if !self.is_resumable(recorded.as_ref()) {
            return self.begin();
        }
        match self.checkpoint(recorded.as_ref())? {
            Checkpoint::Good { state, mark, metrics, timing, after_epoch } => {
                self.resume(recorded, state, &mark, [&metrics, &timing], after_epoch, display)
            }
            Checkpoint::Absent => self.begin(),
            Checkpoint::Unusable(why) => {
                display.warn(&format!(
                    "{}: the checkpoint cannot be used ({why}); starting this run anew",
                    self.dir.checkpoint().display()
                ));
                self.begin()
            }
        }
    }

    /// Whether what is there may be continued: with `--force` only a repetition that was interrupted.
    fn is_resumable(&self, recorded: Option<&Manifest>) -> bool {
        match self.job.existing {
            Existing::Keep => true,
            Existing::Repeat => recorded.is_some_and(|manifest| match manifest.status {
                Status::Running | Status::Interrupted => manifest.request == Request::Force,
                Status::Completed | Status::Diverged => false,
            }),
        }
    }

    fn checkpoint(&self, recorded: Option<&Manifest>) -> Result<Checkpoint> {
        let path = self.dir.checkpoint();
        if !path.is_file() {
            return Ok(Checkpoint::Absent);
        }
        let mut state = self.untrained()?;
        let mark = match checkpoint::load(&path, self.id, &self.task, &mut state) {
            Ok(mark) => mark,
            Err(CheckpointFault::Unusable(why)) => return Ok(Checkpoint::Unusable(why)),
            Err(CheckpointFault::Newer(why)) => {
                return Err(Error::Run(format!(
                    "{}: {why}; resume this run with that version, or begin it anew with --force",
                    path.display()
                )));
            }
        };
        // Of two writers the one with the later generation is believed: a run.json that is earlier than the checkpoint was
        // written late by a process that had lost the lock.
        if recorded.is_some_and(|manifest| manifest.generation >= mark.generation && manifest.attempt != mark.attempt) {
            return Ok(Checkpoint::Absent);
        }
        let tables = marked(&self.dir.metrics(), &mark.metrics)
            .and_then(|metrics| Ok((metrics, marked(&self.dir.timing(), &mark.timing)?)));
        let (metrics, timing) = match tables {
            Ok(tables) => tables,
            Err(TableFault::Lost(why)) => return Ok(Checkpoint::Unusable(why)),
            Err(TableFault::Changed(why)) => {
                return Err(Error::Run(format!(
                    "{why}; restore it, or begin the run anew with --force, or by removing {}",
                    self.dir.path().display()
                )));
            }
        };
        Ok(match state.progress.recorded {
            Some(after_epoch) => Checkpoint::Good { state: Box::new(state), mark, metrics, timing, after_epoch },
            None => Checkpoint::Unusable("it holds no recorded epoch".to_owned()),
        })
    }

    fn resume(
        &self,
        recorded: Option<Manifest>,
        state: Box<State>,
        mark: &Mark,
        [metrics, timing]: [&[u8]; 2],
        after_epoch: u32,
        display: &mut dyn Display,
    ) -> Result<Ready> {
        let mut manifest = recorded.unwrap_or_else(|| self.manifest());
        if let Err(why) = check_config(self.dir, self.job, &manifest)? {
            display.warn(&format!("{why}; it is written anew"));
            self.disk.replace(&self.dir.config(), facts::config(self.job)?.as_bytes())?;
        }
        let config = self.dir.config();
        let config = read_regular(&config, MOST_TEXT).map_err(|e| Error::input(&config, "read", e))?;
        manifest.status = Status::Running;
        manifest.verdict = None;
        manifest.final_metrics = None;
        manifest.updated = now();
        manifest.generation = Some(self.lock.generation());
        manifest.attempt = mark.attempt;
        manifest.files = vec![config_digest(&config)];
        manifest.write(&self.disk, &self.dir.manifest())?;
        let tables = self.tables(metrics, timing)?;
        Ok(Ready { state: *state, tables, manifest, started: Started::Resumed { after_epoch } })
    }

    /// Begins the run at its first epoch, or where a finished run of fewer epochs has ended. Where there is a `run.json`, it says so before anything else is changed: from then
    /// on no file of an earlier attempt is taken for this one's. Where there is none, it comes last: a run that can be found
    /// has its tables.
    fn begin(&self) -> Result<Ready> {
        let earlier = match self.job.existing {
            Existing::Keep => self.earlier()?,
            Existing::Repeat => None,
        };
        let (state, metrics, timing, started) = match earlier {
            Some(Earlier { state, metrics, timing, after_epoch }) => {
                (state, metrics, timing, Started::Continued { after_epoch })
            }
            None => (
                self.untrained()?,
                metrics_header(&facts::columns(self.job.spec)).into_bytes(),
                TIMING_HEADER.into(),
                Started::Fresh,
            ),
        };
        let config = facts::config(self.job)?;
        let mut manifest = self.manifest();
        manifest.generation = Some(self.lock.generation());
        manifest.attempt = manifest.generation;
        manifest.request = match self.job.existing {
            Existing::Repeat => Request::Force,
            Existing::Keep => Request::Plain,
        };
        manifest.files = vec![config_digest(config.as_bytes())];
        let is_first = !self.dir.manifest().exists();
        if !is_first {
            manifest.write(&self.disk, &self.dir.manifest())?;
        }
        let earlier = [self.dir.checkpoint(), self.dir.model(), self.dir.latents(), self.dir.codes()];
        for path in earlier.iter().filter(|path| path.exists()) {
            self.disk.remove(path).map_err(|e| Error::output(path, "remove", e))?;
        }
        self.disk.replace(&self.dir.config(), config.as_bytes())?;
        let tables = self.tables(&metrics, &timing)?;
        if is_first {
            manifest.write(&self.disk, &self.dir.manifest())?;
        }
        Ok(Ready { state, tables, manifest, started })
    }

    fn tables(&self, metrics: &[u8], timing: &[u8]) -> Result<Tables> {
        Ok(Tables {
            metrics: Table::begin(&self.disk, &self.dir.metrics(), metrics)?,
            timing: Table::begin(&self.disk, &self.dir.timing(), timing)?,
        })
    }
}

fn config_digest(text: &[u8]) -> FileDigest {
    FileDigest { file: "config.toml".to_owned(), sha256: sha256(text) }
}
