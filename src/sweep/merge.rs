//! Many runs into one tidy table: the columns of the run, then those of `metrics.csv`.

use std::path::{Path, PathBuf};

use crate::choice::Choice;
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

/// The columns that tell runs apart, before those of `metrics.csv`.
const RUN_COLUMNS: [&str; 24] = [
    "run",
    "status",
    "verdict",
    "data",
    "binarize",
    "loss",
    "sigma2",
    "reduction",
    "kl_reduction",
    "beta",
    "hidden",
    "latent_dim",
    "activation",
    "init",
    "output_bias",
    "optimizer",
    "lr",
    "adam_beta1",
    "adam_beta2",
    "adam_eps",
    "batch_size",
    "epochs",
    "train_size",
    "seed",
];

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

/// The merged table, and a sentence for every run that is left out because it is not finished.
///
/// # Errors
/// [`Error::Run`] for a run that cannot be read.
pub fn merge(runs: &[RunDir], rows: Rows) -> Result<(Vec<u8>, Vec<String>)> {
    let failed = |e: &dyn std::fmt::Display| Error::Run(format!("the table cannot be written ({e})"));
    let mut table = csv::Writer::from_writer(Vec::new());
    let metrics_header = METRICS_HEADER.trim_end().split(',');
    table.write_record(RUN_COLUMNS.into_iter().chain(metrics_header)).map_err(|e| failed(&e))?;
    let mut left_out = Vec::new();
    for dir in runs {
        let run = RunRecord::read(dir)?;
        if !matches!(run.manifest.status, Status::Completed | Status::Diverged) {
            left_out.push(format!(
                "{}: not finished, left out; the command that began it resumes it",
                dir.path().display()
            ));
            continue;
        }
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
    Ok((table.into_inner().map_err(|e| failed(&e))?, left_out))
}

/// The name of a choice that was made.
fn choice<T: Choice>(value: Option<T>) -> String {
    value.map_or_else(String::new, |v| v.name())
}

fn run_cells(run: &RunRecord) -> Vec<String> {
    let s: &Settings = &run.settings;
    let number = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
    let count = |value: Option<usize>| value.map_or(String::new(), |v| v.to_string());
    let verdict =
        run.manifest.verdict.and_then(|v| Some(serde_json::to_value(v).ok()?.get("name")?.as_str()?.to_owned()));
    vec![
        run.manifest.run.clone(),
        crate::report::status_word(run.manifest.status).to_owned(),
        verdict.unwrap_or_default(),
        run.manifest.data.name.name().to_owned(),
        choice(s.binarize),
        choice(s.loss),
        number(s.sigma2),
        choice(s.reduction),
        choice(s.kl_reduction),
        number(s.beta),
        s.hidden.iter().flatten().map(usize::to_string).collect::<Vec<_>>().join(" "),
        count(s.latent_dim),
        choice(s.activation),
        choice(s.init),
        choice(s.output_bias),
        choice(s.optimizer),
        number(s.lr),
        number(s.adam_beta1),
        number(s.adam_beta2),
        number(s.adam_eps),
        count(s.batch_size),
        s.epochs.map_or(String::new(), |n| n.to_string()),
        run.manifest.data.train_images.to_string(),
        s.seed.map_or(String::new(), |n| n.to_string()),
    ]
}

/// The cells of a row, to the byte those of `metrics.csv`.
fn metric_cells(row: &EpochRecord) -> Result<Vec<String>> {
    let line = metrics_rows(std::slice::from_ref(row))?;
    Ok(String::from_utf8_lossy(&line).trim_end().split(',').map(str::to_owned).collect())
}
