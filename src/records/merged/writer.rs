//! Writes a merged table run by run, so that its size is no matter of memory.

use std::io::{self, Write};

use super::columns::TableColumns;
use super::numeric::{last_cells, last_columns, setting_cells};
use crate::error::{Error, Result};
use crate::metrics::EpochRecord;
use crate::model::ModelName;
use crate::records::{RunRecord, Status, metrics_header, metrics_rows};

/// Which rows of a run are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowChoice {
    /// Every epoch, both splits.
    All,
    /// The last epoch, both splits.
    Final,
}

/// A merged table that is being written.
#[derive(Debug)]
pub struct TableWriter<W> {
    to: W,
    columns: TableColumns,
    rows: usize,
}

impl<W: Write> TableWriter<W> {
    /// Begins a table with these columns: writes the header to `to`, which should be buffered.
    ///
    /// # Errors
    /// [`Error::Run`] where `to` cannot be written.
    pub fn new(mut to: W, columns: TableColumns) -> Result<Self> {
        let names = columns.run().chain(columns.settings().iter().map(|setting| setting.column.clone()));
        let mut header = csv_record(names)?;
        header.push(b',');
        header.extend_from_slice(metrics_header(columns.metrics()).trim_end().as_bytes());
        header.extend_from_slice(format!(",{}\n", last_columns().join(",")).as_bytes());
        to.write_all(&header).map_err(not_written)?;
        Ok(TableWriter { to, columns, rows: 0 })
    }

    /// Adds the rows of `run`.
    ///
    /// # Errors
    /// [`Error::Run`] where the settings of the run are not complete, or the table cannot be written.
    pub fn add(&mut self, run: &RunRecord, choice: RowChoice) -> Result<()> {
        let left = csv_record(run_cells(run, &self.columns)?.into_iter())?;
        let last = run.last_epoch();
        let rows: Vec<EpochRecord> = run
            .metrics
            .iter()
            .filter(|row| match choice {
                RowChoice::All => true,
                RowChoice::Final => Some(row.epoch) == last,
            })
            .cloned()
            .collect();
        let text = metrics_rows(self.columns.metrics(), &rows)?;
        let right = csv_record(last_cells(run).into_iter())?;
        for line in text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let parts: [&[u8]; 6] = [&left, b",", line, b",", &right, b"\n"];
            parts.into_iter().try_for_each(|part| self.to.write_all(part)).map_err(not_written)?;
        }
        self.rows += rows.len();
        Ok(())
    }

    /// Ends the table; gives the number of rows below the header.
    ///
    /// # Errors
    /// [`Error::Run`] where the rest cannot be written.
    pub fn finish(mut self) -> Result<usize> {
        self.to.flush().map_err(not_written)?;
        Ok(self.rows)
    }
}

/// Cells as a line of CSV, without its end.
pub fn csv_record(cells: impl Iterator<Item = String>) -> Result<Vec<u8>> {
    let failed = |e: &dyn std::fmt::Display| Error::Run(format!("a row of the table cannot be written as CSV ({e})"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).map_err(|e| failed(&e))?;
    let mut line = writer.into_inner().map_err(|e| failed(&e))?;
    line.pop();
    Ok(line)
}

/// The cells of what was measured in `row`, to the byte.
pub fn metric_cells(columns: &TableColumns, row: &EpochRecord) -> Result<Vec<String>> {
    let line = metrics_rows(columns.metrics(), std::slice::from_ref(row))?;
    Ok(String::from_utf8_lossy(&line).trim_end().split(',').map(str::to_owned).collect())
}

pub(super) fn run_cells(run: &RunRecord, columns: &TableColumns) -> Result<Vec<String>> {
    let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
    let verdict = run.manifest.verdict.map(|verdict| <&str>::from(verdict.headline()).to_owned());
    // Empty while the run is under way.
    let judgements = run.manifest.verdict.map_or([""; 4], |verdict| verdict.words());
    let codes = match columns.families() {
        ModelName::Vae => None,
        ModelName::VqVae => {
            let codebook = run.manifest.verdict.and_then(|verdict| verdict.codebook);
            Some(codebook.map_or_else(String::new, |codebook| <&str>::from(codebook.codes).to_owned()))
        }
    };
    let first = [
        run.manifest.run.clone(),
        status_word(run.manifest.status).to_owned(),
        verdict.unwrap_or_default(),
        run.comparable()?.to_string(),
        number(run.manifest.data.collapsed_floor),
        number(run.manifest.data.entropy_floor),
    ];
    let settings = setting_cells(run).into_iter().filter(|(column, _)| columns.has_setting(column));
    let settings = settings.map(|(_, cell)| cell);
    Ok(first.into_iter().chain(judgements.map(str::to_owned)).chain(codes).chain(settings).collect())
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Interrupted => "interrupted",
        Status::Completed => "completed",
        Status::Diverged => "diverged",
    }
}

fn not_written(e: io::Error) -> Error {
    let reason = e.to_string();
    let reason = reason.split(" (os error").next().unwrap_or_default();
    Error::Run(format!(
        "the table cannot be written ({}); what was written of it is not complete",
        reason.to_lowercase()
    ))
}
