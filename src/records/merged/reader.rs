//! A merged table read back.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::columns::{SettingColumn, old_name, setting_columns};
use super::numeric::last_columns;
use crate::metrics::EpochRecord;
use crate::model::ModelName;
use crate::records::{Column, Comparable, Status, read_row, sha256};
use crate::spec::Settings;

/// A run as a merged table holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct MergedRun {
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: Status,
    /// The name of its verdict; empty while it runs.
    pub verdict: String,
    /// Its comparability key, as written.
    pub comparable: String,
    /// Its settings, complete but for where its data lies.
    pub settings: Settings,
    /// R of a decoder that ignores z, on the test images.
    pub collapsed_floor: Option<f64>,
    /// R of the test images' own pixels.
    pub entropy_floor: Option<f64>,
    /// Its rows, by epoch and split.
    pub metrics: Vec<EpochRecord>,
}

/// The runs of a merged table, and a sentence for every row that was left out.
#[derive(Clone, Debug, Default)]
pub struct MergedTable {
    /// In the order of their first rows.
    pub runs: Vec<MergedRun>,
    /// Sentences.
    pub notes: Vec<String>,
}

/// Rows that are complained about one by one.
const MOST_NOTES: usize = 5;

/// Parses the text of a merged table; unknown columns are ignored.
///
/// # Errors
/// Why it is no merged table, as a sentence.
pub fn parse_merged(text: &[u8]) -> Result<MergedTable, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let header: Vec<String> = reader.headers().map_err(|e| e.to_string())?.iter().map(str::to_owned).collect();
    let columns = Columns::of(&header)?;
    let mut table = MergedTable::default();
    let mut order: HashMap<String, usize> = HashMap::new();
    let mut bad = 0usize;
    for (i, row) in reader.records().enumerate() {
        let row = row.map_err(|e| e.to_string())?;
        let parsed = columns.record(&row).and_then(|record| Ok((record, columns.name(&row)?)));
        let (record, name) = match parsed {
            Ok(parsed) => parsed,
            Err(why) => {
                bad += 1;
                if bad <= MOST_NOTES {
                    table.notes.push(format!("line {}: {why}; the row is left out", i + 2));
                }
                continue;
            }
        };
        let index = match order.get(&name) {
            Some(&index) => index,
            None => {
                match columns.run(&row, name.clone()) {
                    Ok(run) => table.runs.push(run),
                    Err(why) => {
                        table.notes.push(format!("line {}: {why}; the run is left out", i + 2));
                        continue;
                    }
                }
                order.insert(name, table.runs.len() - 1);
                table.runs.len() - 1
            }
        };
        table.runs[index].metrics.push(record);
    }
    if bad > MOST_NOTES {
        table.notes.push(format!("{} more rows are left out for such reasons", bad - MOST_NOTES));
    }
    for run in &mut table.runs {
        run.metrics.sort_by_key(|row| (row.epoch, row.split));
        let two = run.metrics.windows(2).find(|two| key(&two[0]) == key(&two[1]) && two[0] != two[1]);
        if let Some([row, _]) = two {
            table.notes.push(format!(
                "run {:?} has two different rows for one split of epoch {}; the first one is used",
                run.name, row.epoch
            ));
        }
        run.metrics.dedup_by_key(|row| key(row));
    }
    Ok(table)
}

fn key(row: &EpochRecord) -> (u32, crate::metrics::Split) {
    (row.epoch, row.split)
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// An epoch of a run on a split.
    Runs,
    /// The last epoch of a configuration on a split, averaged over seeds.
    Means,
}

/// The positions of the columns: those of the run and its settings stand before `epoch`, what was measured from there on.
struct Columns {
    form: Form,
    run: HashMap<String, usize>,
    settings: Vec<SettingColumn>,
    metrics: Vec<(Column, usize)>,
}

impl Columns {
    fn of(header: &[String]) -> Result<Self, String> {
        let lacks = |name: &str| format!("it has no column `{name}`");
        let split = header.iter().position(|c| c == "epoch").ok_or_else(|| lacks("epoch"))?;
        let mut run: HashMap<String, usize> =
            header[..split].iter().cloned().enumerate().map(|(i, c)| (c, i)).collect();
        let settings = setting_columns(ModelName::VqVae);
        for SettingColumn { column, .. } in &settings {
            if let (false, Some(&at)) = (run.contains_key(column), old_name(column).and_then(|old| run.get(old))) {
                run.insert(column.clone(), at);
            }
        }
        // What `merge --mean` writes: a row per configuration in the place of a run.
        let is_mean = !run.contains_key("run") && header.iter().any(|name| name == "recon_mean");
        let form = if is_mean { Form::Means } else { Form::Runs };
        let needed: &[&str] = match form {
            Form::Runs => &["run", "status", "verdict", "comparable", "loss", "reduction"],
            Form::Means => &["comparable", "loss", "reduction"],
        };
        for &needed in needed {
            if !run.contains_key(needed) {
                return Err(lacks(needed));
            }
        }
        let place = |column: Column| {
            header[split..].iter().position(|name| match form {
                Form::Means if ![Column::Epoch, Column::Split].contains(&column) => {
                    *name == format!("{}_mean", column.name())
                }
                Form::Runs | Form::Means => name == column.name(),
            })
        };
        if let Some(missing) = Column::ALL.into_iter().find(|column| column.is_required() && place(*column).is_none()) {
            return Err(lacks(missing.name()));
        }
        let metrics = Column::ALL.into_iter().filter_map(|column| Some((column, split + place(column)?))).collect();
        for name in last_columns() {
            if let Some(at) = header.iter().position(|column| column == name) {
                run.insert(name.to_owned(), at);
            }
        }
        Ok(Columns { form, run, settings, metrics })
    }

    fn cell<'a>(&self, row: &'a csv::StringRecord, column: &str) -> &'a str {
        self.run.get(column).and_then(|&i| row.get(i)).unwrap_or("")
    }

    fn name(&self, row: &csv::StringRecord) -> Result<String, String> {
        if self.form == Form::Means {
            // The settings themselves: rows of the same ones are of one configuration.
            let cells = self.settings.iter().map(|setting| self.cell(row, &setting.column));
            let cells: Vec<&str> = [self.cell(row, "comparable")].into_iter().chain(cells).collect();
            let hash = &sha256(cells.join(",").as_bytes())[..8];
            let of = |column| self.cell(row, column);
            return Ok(format!("{}-{}-b{}-z{}-mean-{hash}", of("loss"), of("reduction"), of("beta"), of("latent_dim")));
        }
        match self.cell(row, "run") {
            "" => Err("`run` is empty".into()),
            name => Ok(name.to_owned()),
        }
    }

    fn record(&self, row: &csv::StringRecord) -> Result<EpochRecord, String> {
        let cell = |column: Column, place: usize| {
            let text = row.get(place).unwrap_or("");
            // A mean over seeds of a number of latents.
            match (self.form, column, text.parse::<f64>()) {
                (Form::Means, Column::ActiveUnits, Ok(mean)) => mean.round().to_string(),
                _ => text.to_owned(),
            }
        };
        let cells: Vec<(Column, String)> =
            self.metrics.iter().map(|&(column, place)| (column, cell(column, place))).collect();
        read_row(cells.iter().map(|(column, text)| (*column, text.as_str())))
    }

    fn run(&self, row: &csv::StringRecord, name: String) -> Result<MergedRun, String> {
        let status = match self.form {
            Form::Runs => self.cell(row, "status"),
            Form::Means => "completed",
        };
        let floor = |column: &str| self.cell(row, column).parse().ok();
        let settings = self.settings(row)?;
        Ok(MergedRun {
            name,
            status: serde_json::from_value(json!(status)).map_err(|_| format!("`status` is {status:?}"))?,
            verdict: self.cell(row, "verdict").to_owned(),
            comparable: Comparable::of_row(self.cell(row, "comparable"), &settings),
            settings,
            collapsed_floor: floor("collapsed_floor"),
            entropy_floor: floor("entropy_floor"),
            metrics: Vec::new(),
        })
    }

    /// The inverse of [`Settings::cells`]: a cell is the number, the list or the word that its setting takes.
    fn settings(&self, row: &csv::StringRecord) -> Result<Settings, String> {
        let mut settings = Map::new();
        for SettingColumn { key, column } in &self.settings {
            let text = match column.as_str() {
                // The word that a number stands for is what repeats the run.
                "recon_weight" | "kl_weight" => match self.cell(row, &format!("{column}_name")) {
                    "" => self.cell(row, column),
                    name => name,
                },
                _ => self.cell(row, column),
            };
            let widths = || text.split_whitespace().map(|w| w.parse().ok()).collect::<Option<Vec<u64>>>();
            let value = match (column.as_str(), text) {
                // A run has all its settings: no widths are those of a linear model.
                ("hidden", _) => json!(widths().ok_or_else(|| format!("`hidden` is {text:?}, not widths"))?),
                (_, "") => continue,
                _ => {
                    let number = serde_json::from_str(text).ok().filter(Value::is_number);
                    let is_taken = |value: &Value| {
                        let one = Map::from_iter([(key.clone(), value.clone())]);
                        // A row is of a run, which has numbers: what 1/pixels meant is not known.
                        serde_json::from_value::<Settings>(Value::Object(one)).is_ok_and(|one| one.is_written_out())
                    };
                    let mut candidates = number.into_iter().chain([json!(text)]);
                    candidates
                        .find(is_taken)
                        .ok_or_else(|| format!("`{column}` is {text:?}, which is no value of this setting"))?
                }
            };
            settings.insert(key.clone(), value);
        }
        serde_json::from_value(Value::Object(settings)).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests;
