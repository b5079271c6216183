//! A finished run of the same spec with fewer epochs: its checkpoint is where a longer one goes on, to the same bytes as one
//! long run, since nothing in an epoch depends on how many follow.

use std::path::PathBuf;

use super::checkpoint;
use super::table::marked;
use super::worker::Worker;
use crate::error::Result;
use crate::records::{Manifest, RunDir, Status};
use crate::spec::{NUMERICS, RunSpec};
use crate::train::State;

/// Where a longer run goes on.
pub(super) struct Earlier {
    pub(super) state: State,
    /// `metrics.csv` of the earlier run.
    pub(super) metrics: Vec<u8>,
    /// `timing.csv` of the earlier run.
    pub(super) timing: Vec<u8>,
    pub(super) after_epoch: u32,
}

impl Worker<'_> {
    /// The longest finished run beside this one that differs in fewer epochs alone and still has its checkpoint.
    ///
    /// # Errors
    /// Only where no state can be made at all: an earlier run that cannot be used is passed over.
    pub(super) fn earlier(&self) -> Result<Option<Earlier>> {
        let mut found: Vec<(u32, PathBuf)> = self.neighbours().filter_map(|dir| self.epochs_of(dir)).collect();
        found.sort();
        for (epochs, path) in found.into_iter().rev() {
            let dir = RunDir::new(path);
            let name = dir.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let mut state = self.untrained()?;
            let Ok(mark) = checkpoint::load(&dir.checkpoint(), &name, &self.task, &mut state) else { continue };
            let tables = marked(&dir.metrics(), &mark.metrics)
                .and_then(|metrics| Ok((metrics, marked(&dir.timing(), &mark.timing)?)));
            let Ok((metrics, timing)) = tables else { continue };
            if state.progress.recorded == Some(epochs) && state.progress.batches == 0 {
                return Ok(Some(Earlier { state, metrics, timing, after_epoch: epochs }));
            }
        }
        Ok(None)
    }

    /// The directories whose names differ from this run's in the hash alone, and that have a checkpoint.
    fn neighbours(&self) -> impl Iterator<Item = RunDir> {
        let slug = self.id.rsplit_once('-').map_or(self.id, |(slug, _)| slug);
        let entries = std::fs::read_dir(self.job.out).into_iter().flatten().flatten();
        entries
            .filter(move |entry| {
                let name = entry.file_name();
                let name = name.to_str().unwrap_or_default();
                name != self.id && name.rsplit_once('-').is_some_and(|(other, _)| other == slug)
            })
            .map(|entry| RunDir::new(entry.path()))
            .filter(|dir| dir.checkpoint().is_file())
    }

    /// The epochs of the finished run in `dir`, if all else of it is as in this run.
    fn epochs_of(&self, dir: RunDir) -> Option<(u32, PathBuf)> {
        let manifest = Manifest::read(&dir.manifest()).ok()?;
        let is_same = manifest.status == Status::Completed
            && manifest.versions.numerics == Some(NUMERICS)
            && manifest.data.files == self.job.data.files;
        let spec = RunSpec::resolve(&dir.settings().ok()?).ok()?;
        let (epochs, wanted) = (spec.training().epochs, self.job.spec.training().epochs);
        (is_same && epochs < wanted && spec.with_epochs(wanted) == *self.job.spec)
            .then(|| (epochs, dir.path().to_owned()))
    }
}
