//! Many runs into one tidy table: the columns of the run, then those of `metrics.csv`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::metrics::EpochRecord;
use crate::records::{METRICS_HEADER, RunDir, RunRecord, Status, metrics_rows};
use crate::spec::Settings;
/// Which rows of a run are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Every epoch, both splits.
    All,
    /// The last epoch, both splits.
    Final,
}

/// The run directories under `paths`: each path is one, or a directory that holds some. Sorted by name.
///
/// # Errors
/// [`Error::Run`] for a path that is neither.
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
        if runs.len() == before {
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

/// One tidy table of `runs`: run, status, verdict, the group within which R can be compared, the floors of R, every
/// setting, then the columns of `metrics.csv`.
///
/// # Errors
/// [`Error::Run`] for a run that cannot be read.
pub fn merge(runs: &[RunDir], rows: Rows) -> Result<Merged> {
    let failed = |e: &dyn std::fmt::Display| Error::Run(format!("the table cannot be written ({e})"));
    let mut table = csv::Writer::from_writer(Vec::new());
    let settings = Settings::default().cells().into_iter().map(|(column, _)| column);
    let header = ["run", "status", "verdict", "comparable", "collapsed_floor", "entropy_floor"]
        .map(str::to_owned)
        .into_iter()
        .chain(settings);
    let metrics_header = METRICS_HEADER.trim_end().split(',').map(str::to_owned);
    table.write_record(header.chain(metrics_header)).map_err(|e| failed(&e))?;
    let mut notes = Vec::new();
    let mut groups = BTreeSet::new();
    for dir in runs {
        let run = RunRecord::read(dir)?;
        if !matches!(run.manifest.status, Status::Completed | Status::Diverged) {
            notes.push(format!(
                "{}: not finished, left out; the command that began it resumes it",
                dir.path().display()
            ));
            continue;
        }
        groups.insert(run.comparable());
        let last = run.metrics.iter().map(|row| row.epoch).max();
        let wanted = |row: &&EpochRecord| match rows {
            Rows::All => true,
            Rows::Final => Some(row.epoch) == last,
        };
        let left = run_cells(&run);
        for row in run.metrics.iter().filter(wanted) {
            table.write_record(left.iter().cloned().chain(metric_cells(row)?)).map_err(|e| failed(&e))?;
        }
    }
    if groups.len() > 1 {
        let groups = groups.into_iter().collect::<Vec<_>>().join(", ");
        notes.push(format!(
            "recon and neg_elbo can be compared only within one value of the column `comparable`, here {groups}: other \
             pixels, or another kind of number (mass, density, squared error)"
        ));
    }
    Ok(Merged { table: table.into_inner().map_err(|e| failed(&e))?, notes })
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
