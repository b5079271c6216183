//! Many runs into one tidy table, run by run.

use std::io::Write;

use super::mean::Means;
use crate::error::{Error, Result};
use crate::records::merged::{RowChoice, TableColumns, TableWriter};
use crate::records::{Comparable, Manifest, OneOfEach, RunDir, RunRecord, Status, one_of_each};
use crate::spec::Settings;

/// Which rows of the runs are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Rows of each run.
    Each(RowChoice),
    /// The last epochs of completed runs, both splits, averaged over seeds.
    Mean,
}

/// What must be said beside a table that was written.
#[derive(Clone, Debug, Default)]
pub struct Merged {
    /// Rows below the header.
    pub rows: usize,
    /// Finished runs whose files cannot be read.
    pub damaged: usize,
    /// A sentence for every run that is left out, for copies, and where the R of the rows cannot be compared.
    pub notes: Vec<String>,
}

/// Writes one tidy table of `runs` to `to`: run, status, verdict, the key within which R can be compared, the floors of R,
/// every setting, then the columns of `metrics.csv`; or their means over seeds. A run that lies in several places is taken
/// once. One run at a time is in memory, and for means the last rows of all.
///
/// # Errors
/// [`Error::Run`] where two copies of one run have other rows, or `to` cannot be written.
pub fn merge(runs: &[RunDir], rows: Rows, to: &mut dyn Write) -> Result<Merged> {
    // Before the first byte is written.
    let OneOfEach { runs, notes } = one_of_each(runs)?;
    let mut merged = Merged { notes, ..Merged::default() };
    let mut keys: Vec<Comparable> = Vec::new();
    // The settings come first: which columns there are depends on all runs.
    let settings: Vec<Settings> = runs.iter().filter_map(|dir| dir.settings().ok()).collect();
    let columns = TableColumns::of(&settings);
    match rows {
        Rows::Each(choice) => {
            let mut table = TableWriter::new(to, columns)?;
            for dir in &runs {
                let Some((run, key)) = merged.read(dir) else { continue };
                table.add(&run, choice)?;
                note_key(&mut keys, key);
            }
            merged.rows = table.finish()?;
        }
        Rows::Mean => {
            let (mut means, mut diverged) = (Means::new(columns), 0);
            for dir in &runs {
                let Some((run, key)) = merged.read(dir) else { continue };
                if run.manifest.status == Status::Completed {
                    means.add(&run, &key)?;
                    note_key(&mut keys, key);
                } else {
                    diverged += 1;
                }
            }
            if diverged > 0 {
                merged.notes.push(format!("{diverged} runs diverged and are in no mean"));
            }
            let table = means.table()?;
            to.write_all(&table)
                .and_then(|()| to.flush())
                .map_err(|e| Error::Run(format!("the table cannot be written ({e})")))?;
            merged.rows = table.iter().filter(|&&byte| byte == b'\n').count().saturating_sub(1);
        }
    }
    merged.notes.extend(Comparable::why_apart(&keys));
    Ok(merged)
}

fn note_key(keys: &mut Vec<Comparable>, key: Comparable) {
    if !keys.contains(&key) {
        keys.push(key);
    }
}

impl Merged {
    /// The run in `dir` and its key; none, and a note, where it is not finished or cannot be read.
    fn read(&mut self, dir: &RunDir) -> Option<(RunRecord, Comparable)> {
        // The status first: a row of an unfinished run may be half written.
        if let Ok(Status::Running | Status::Interrupted) = Manifest::read(&dir.manifest()).map(|m| m.status) {
            let note = "not finished, left out; the command that began it resumes it";
            self.notes.push(format!("{}: {note}", dir.path().display()));
            return None;
        }
        match RunRecord::read(dir).and_then(|run| Ok((run.comparable()?, run))) {
            Ok((key, run)) => Some((run, key)),
            Err(why) => {
                self.damaged += 1;
                self.notes.push(format!("left out: {why}"));
                None
            }
        }
    }
}
