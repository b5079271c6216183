//! A merged table read back: the columns of the run up to `epoch`, then those of `metrics.csv`.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::run::{Floors, Run};
use crate::metrics::{EpochRecord, Split};
use crate::records::METRICS_HEADER;
use crate::spec::Settings;

/// Runs of a table, and a sentence for every row that is left out.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) runs: Vec<Run>,
    pub(super) notes: Vec<String>,
}

/// At most so many rows are complained about one by one.
const MOST_NOTES: usize = 5;

/// Parses the text of a merged table; columns it does not know are passed over.
pub(super) fn parse(text: &[u8]) -> Result<Read, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let header: Vec<String> = reader.headers().map_err(|e| e.to_string())?.iter().map(str::to_owned).collect();
    let columns = Columns::of(&header)?;
    let mut read = Read::default();
    let mut order: BTreeMap<String, usize> = BTreeMap::new();
    let mut bad = 0usize;
    for (i, row) in reader.records().enumerate() {
        let row = row.map_err(|e| e.to_string())?;
        let parsed = columns.record(&row).and_then(|record| Ok((record, columns.name(&row)?)));
        let (record, name) = match parsed {
            Ok(parsed) => parsed,
            Err(why) => {
                bad += 1;
                if bad <= MOST_NOTES {
                    read.notes.push(format!("line {}: {why}; the row is left out", i + 2));
                }
                continue;
            }
        };
        let index = match order.get(&name) {
            Some(&index) => index,
            None => {
                let run = match columns.run(&row, name.clone()) {
                    Ok(run) => run,
                    Err(why) => {
                        read.notes.push(format!("line {}: {why}; the run is left out", i + 2));
                        continue;
                    }
                };
                read.runs.push(run);
                order.insert(name, read.runs.len() - 1);
                read.runs.len() - 1
            }
        };
        read.runs[index].metrics.push(record);
    }
    if bad > MOST_NOTES {
        read.notes.push(format!("{} more rows are left out for such reasons", bad - MOST_NOTES));
    }
    for run in &mut read.runs {
        run.metrics.sort_by_key(|row| (row.epoch, row.split));
        run.metrics.dedup_by_key(|row| (row.epoch, row.split));
    }
    Ok(read)
}

/// Where each column is: what was set before `epoch`, and what was measured after it.
struct Columns {
    run: HashMap<String, usize>,
    metrics: Vec<(String, usize)>,
}

impl Columns {
    fn of(header: &[String]) -> Result<Self, String> {
        let split = header.iter().position(|c| c == "epoch").ok_or("it has no column `epoch`")?;
        let run: HashMap<String, usize> = header[..split].iter().cloned().enumerate().map(|(i, c)| (c, i)).collect();
        for needed in ["run", "status", "verdict", "comparable", "loss", "reduction"] {
            if !run.contains_key(needed) {
                return Err(format!("it has no column `{needed}`"));
            }
        }
        let place = |name: &str| {
            let found = header[split..].iter().position(|c| c == name).ok_or(format!("it has no column `{name}`"))?;
            Ok((name.to_owned(), split + found))
        };
        let metrics = METRICS_HEADER.trim_end().split(',').map(place).collect::<Result<_, String>>()?;
        Ok(Columns { run, metrics })
    }

    fn cell<'a>(&self, row: &'a csv::StringRecord, column: &str) -> &'a str {
        self.run.get(column).and_then(|&i| row.get(i)).unwrap_or("")
    }

    fn name(&self, row: &csv::StringRecord) -> Result<String, String> {
        match self.cell(row, "run") {
            "" => Err("`run` is empty".into()),
            name => Ok(name.to_owned()),
        }
    }

    fn record(&self, row: &csv::StringRecord) -> Result<EpochRecord, String> {
        let cell = |column: &str| {
            let place = self.metrics.iter().find(|(name, _)| name == column);
            place.and_then(|(_, i)| row.get(*i)).unwrap_or("")
        };
        let number = |column: &str| -> Result<Option<f64>, String> {
            match cell(column) {
                "" => Ok(None),
                text => text.parse().map(Some).map_err(|_| format!("`{column}` is {text:?}, not a number")),
            }
        };
        let needed = |column: &str| number(column)?.ok_or(format!("`{column}` is empty"));
        Ok(EpochRecord {
            epoch: cell("epoch").parse().map_err(|_| format!("`epoch` is {:?}", cell("epoch")))?,
            split: match cell("split") {
                "train" => Split::Train,
                "test" => Split::Test,
                other => return Err(format!("`split` is {other:?}, neither train nor test")),
            },
            objective: needed("objective")?,
            recon_term: needed("recon_term")?,
            kl_term: needed("kl_term")?,
            recon: needed("recon")?,
            kl: needed("kl")?,
            neg_elbo: number("neg_elbo")?,
            beta_effective: number("beta_effective")?,
            beta_sigma2: number("beta_sigma2")?,
            active_units: number("active_units")?.map(|n| n as u32),
        })
    }

    fn run(&self, row: &csv::StringRecord, name: String) -> Result<Run, String> {
        let status = self.cell(row, "status");
        let floor = |column: &str| self.cell(row, column).parse().ok();
        Ok(Run {
            name,
            status: serde_json::from_value(json!(status)).map_err(|_| format!("`status` is {status:?}"))?,
            verdict: self.cell(row, "verdict").to_owned(),
            comparable: self.cell(row, "comparable").to_owned(),
            settings: self.settings(row)?,
            metrics: Vec::new(),
            floors: Floors { collapsed: floor("collapsed_floor"), entropy: floor("entropy_floor") },
            latents: Vec::new(),
            manifest: None,
            dir: None,
        })
    }

    /// The inverse of [`Settings::cells`]: a cell is the number, the list or the word that its setting takes.
    fn settings(&self, row: &csv::StringRecord) -> Result<Settings, String> {
        let mut settings = Map::new();
        for (column, _) in Settings::default().cells() {
            let text = self.cell(row, &column);
            let key = column.replace('_', "-");
            let widths = || text.split_whitespace().map(|w| w.parse().ok()).collect::<Option<Vec<u64>>>();
            let value = match (column.as_str(), text) {
                // Nothing is left to default in a run: no widths are a linear model's.
                ("hidden", _) => json!(widths().ok_or(format!("`hidden` is {text:?}, not widths"))?),
                (_, "") => continue,
                _ => {
                    let number = serde_json::from_str(text).ok().filter(Value::is_number);
                    let takes = |value: &Value| {
                        serde_json::from_value::<Settings>(Value::Object(Map::from_iter([(
                            key.clone(),
                            value.clone(),
                        )])))
                        .is_ok()
                    };
                    let candidates = number.into_iter().chain([json!(text)]);
                    candidates.into_iter().find(takes).ok_or(format!("`{column}` is {text:?}, which it cannot be"))?
                }
            };
            settings.insert(key, value);
        }
        serde_json::from_value(Value::Object(settings)).map_err(|e| e.to_string())
    }
}
