//! Many runs into one tidy table: the columns of the run, then those of `metrics.csv`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::mean::mean_table;
use super::plan::plans_in;
use crate::error::{Error, Result};
use crate::metrics::EpochRecord;
use crate::records::{Column, RunDir, RunRecord, Status, metrics_rows};
use crate::spec::Settings;

/// Names of runs that are written out in one sentence.
const NAMED: usize = 5;

/// Which rows of a run are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Every epoch, both splits.
    All,
    /// The last epoch, both splits.
    Final,
    /// The last epoch, both splits, averaged over seeds.
    Mean,
}

/// The run directories under `paths`: each path is one, or a directory that holds some. Sorted by name.
///
/// # Errors
/// [`Error::Run`] for a path that is neither, and that no sweep has left a plan in.
pub fn find_runs(paths: &[PathBuf]) -> Result<Vec<RunDir>> {
    let mut runs = Vec::new();
    for path in paths {
        if RunDir::new(path).manifest().is_file() {
            runs.push(RunDir::new(path));
            continue;
        }
        let entries = std::fs::read_dir(path).map_err(|e| Error::input(path, "read", e))?;
        let before = runs.len();
        for entry in entries {
            let entry = entry.map_err(|e| Error::input(path, "read", e))?.path();
            if RunDir::new(&entry).manifest().is_file() {
                runs.push(RunDir::new(entry));
            }
        }
        if runs.len() == before && plans_in(path)?.is_empty() {
            return Err(Error::Run(format!(
                "{}: no run in it (a run has a run.json); name run directories, or the directory that holds them",
                path.display()
            )));
        }
    }
    runs.sort_by(|a, b| name(a.path()).cmp(&name(b.path())).then_with(|| a.path().cmp(b.path())));
    runs.dedup();
    Ok(runs)
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

/// A table of many runs, and what must be said beside it.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The CSV.
    pub table: Vec<u8>,
    /// A sentence for every run that is left out, and one where the R of the rows cannot be compared.
    pub notes: Vec<String>,
}

/// Sentences about the runs that sweeps have planned in the directories `paths` and that are not among `runs`.
///
/// # Errors
/// [`Error::Run`] for a plan that is damaged.
pub fn missing(paths: &[PathBuf], runs: &[RunDir]) -> Result<Vec<String>> {
    let here: BTreeSet<String> = runs.iter().map(|run| name(run.path())).collect();
    let mut plans: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in paths {
        for plan in plans_in(path)? {
            plans.entry(plan.name).or_default().extend(plan.runs.into_iter().map(|line| line.run));
        }
    }
    let told = plans.into_iter().filter_map(|(plan, planned)| {
        let missing: Vec<&String> = planned.difference(&here).collect();
        (!missing.is_empty()).then(|| {
            let more = missing.len().saturating_sub(NAMED);
            let named = missing.iter().take(NAMED).map(|run| run.as_str()).collect::<Vec<_>>().join(", ");
            format!(
                "{plan}: {} of {} runs are missing: {named}{}",
                missing.len(),
                planned.len(),
                if more > 0 { format!(" and {more} more; `vae-bench status` lists them") } else { String::new() }
            )
        })
    });
    Ok(told.collect())
}

/// One tidy table of `runs`: run, status, verdict, the group within which R can be compared, the floors of R, every
/// setting, then the columns of `metrics.csv`; or their means over seeds. A run that lies in several places is taken once.
///
/// # Errors
/// [`Error::Run`] for a run that cannot be read.
pub fn merge(runs: &[RunDir], rows: Rows) -> Result<Merged> {
    let mut notes = Vec::new();
    let mut finished: BTreeMap<String, RunRecord> = BTreeMap::new();
    let mut unfinished: BTreeMap<String, String> = BTreeMap::new();
    for dir in runs {
        let run = RunRecord::read(dir)?;
        if matches!(run.manifest.status, Status::Completed | Status::Diverged) {
            finished.entry(name(dir.path())).or_insert(run);
        } else {
            let note = "not finished, left out; the command that began it resumes it";
            unfinished.insert(name(dir.path()), format!("{}: {note}", dir.path().display()));
        }
    }
    notes.extend(unfinished.into_iter().filter(|(run, _)| !finished.contains_key(run)).map(|(_, note)| note));
    let mut records: Vec<RunRecord> = finished.into_values().collect();
    let groups: BTreeSet<String> = records.iter().map(RunRecord::comparable).collect();
    if groups.len() > 1 {
        let groups = groups.into_iter().collect::<Vec<_>>().join(", ");
        notes.push(format!(
            "recon and neg_elbo can be compared only within one value of the column `comparable`, here {groups}: other \
             pixels, or another kind of number (mass, density, squared error)"
        ));
    }
    let table = match rows {
        Rows::All => table(&records, |_, _| true)?,
        Rows::Final => table(&records, |row, last| Some(row.epoch) == last)?,
        Rows::Mean => {
            let all = records.len();
            records.retain(|run| run.manifest.status == Status::Completed);
            if records.len() < all {
                notes.push(format!("{} runs diverged and are in no mean", all - records.len()));
            }
            mean_table(&records)?
        }
    };
    Ok(Merged { table, notes })
}

pub(super) fn failed(e: &dyn std::fmt::Display) -> Error {
    Error::Run(format!("the table cannot be written ({e})"))
}

/// The columns of the settings.
pub(super) fn settings_header() -> impl Iterator<Item = String> {
    Settings::default().cells().into_iter().map(|(column, _)| column)
}

/// The rows of `runs` that are `wanted`, who is told the last epoch of the run.
fn table(runs: &[RunRecord], wanted: impl Fn(&EpochRecord, Option<u32>) -> bool) -> Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let first = ["run", "status", "verdict", "comparable", "collapsed_floor", "entropy_floor"];
    let header = first.map(str::to_owned).into_iter().chain(settings_header());
    let metrics_header = Column::ALL.map(|column| column.name().to_owned());
    table.write_record(header.chain(metrics_header)).map_err(|e| failed(&e))?;
    for run in runs {
        let last = run.metrics.iter().map(|row| row.epoch).max();
        let left = run_cells(run);
        for row in run.metrics.iter().filter(|row| wanted(row, last)) {
            table.write_record(left.iter().cloned().chain(metric_cells(row)?)).map_err(|e| failed(&e))?;
        }
    }
    table.into_inner().map_err(|e| failed(&e))
}

fn run_cells(run: &RunRecord) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
    let verdict =
        run.manifest.verdict.and_then(|v| Some(serde_json::to_value(v).ok()?.get("name")?.as_str()?.to_owned()));
    let first = [
        run.manifest.run.clone(),
        crate::report::status_word(run.manifest.status).to_owned(),
        verdict.unwrap_or_default(),
        run.comparable(),
        number(run.manifest.data.collapsed_floor),
        number(run.manifest.data.entropy_floor),
    ];
    let settings = run.settings.cells().into_iter().map(|(_, cell)| cell);
    first.into_iter().chain(settings).collect()
}

/// The cells of a row, to the byte those of `metrics.csv`.
fn metric_cells(row: &EpochRecord) -> Result<Vec<String>> {
    let line = metrics_rows(std::slice::from_ref(row))?;
    Ok(String::from_utf8_lossy(&line).trim_end().split(',').map(str::to_owned).collect())
}
