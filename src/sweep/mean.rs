//! The last epochs of runs that differ in their seed alone, as mean, standard deviation and number.

use std::collections::HashMap;

use serde_json::Value;

use crate::error::Result;
use crate::records::merged::TableColumns;
use crate::records::merged::{csv_record, last_cells, last_columns, metric_cells, setting_cells};
use crate::records::{Comparable, RunRecord};

/// Columns of `metrics.csv` that say which row it is: `epoch` and `split`.
const ROW_COLUMNS: usize = 2;

/// The last rows of runs, by configuration and split, in the order of their first members.
#[derive(Debug)]
pub(super) struct Means {
    columns: TableColumns,
    groups: Vec<Group>,
    known: HashMap<Vec<String>, usize>,
}

/// Rows of one configuration and split.
#[derive(Debug)]
struct Group {
    /// The cells that all of them share.
    left: Vec<String>,
    /// The cells of the first after all numbers.
    right: [String; 4],
    /// The numbers of each, by column; none for an empty cell.
    rows: Vec<Vec<Option<f64>>>,
}

impl Means {
    /// No rows yet, for runs with these columns.
    pub(super) fn new(columns: TableColumns) -> Self {
        Means { columns, groups: Vec::new(), known: HashMap::new() }
    }

    /// Adds the last rows of `run`, whose comparability key is `key`.
    pub(super) fn add(&mut self, run: &RunRecord, key: &Comparable) -> Result<()> {
        let last = run.last_epoch();
        let is_wanted = |column: &str| column != "seed" && self.columns.has_setting(column);
        let settings = setting_cells(run).into_iter().filter(|(column, _)| is_wanted(column)).map(|(_, cell)| cell);
        let shared: Vec<String> = [key.to_string()].into_iter().chain(settings).collect();
        for row in run.metrics.iter().filter(|row| Some(row.epoch) == last) {
            let cells = metric_cells(&self.columns, row)?;
            let (which, numbers) = cells.split_at(ROW_COLUMNS);
            let left = [&shared, which].concat();
            let index = *self.known.entry(left.clone()).or_insert_with(|| {
                self.groups.push(Group { left, rows: Vec::new(), right: last_cells(run) });
                self.groups.len() - 1
            });
            self.groups[index].rows.push(numbers.iter().map(|cell| cell.parse().ok()).collect());
        }
        Ok(())
    }

    /// The whole table.
    pub(super) fn table(self) -> Result<Vec<u8>> {
        let measured: Vec<&str> = self.columns.metrics().iter().map(|column| column.name()).skip(ROW_COLUMNS).collect();
        let statistics = measured.iter().flat_map(|name| [format!("{name}_mean"), format!("{name}_std")]);
        let settings =
            self.columns.settings().iter().map(|setting| setting.column.clone()).filter(|column| column != "seed");
        let header = ["comparable".to_owned()].into_iter().chain(settings);
        let header = header
            .chain(["epoch", "split", "n"].map(str::to_owned))
            .chain(statistics)
            .chain(last_columns().map(str::to_owned));
        let mut table = csv_record(header)?;
        table.push(b'\n');
        for Group { left, rows, right } in self.groups {
            let cells = (0..measured.len()).flat_map(|column| {
                let values: Option<Vec<f64>> = rows.iter().map(|row| row[column]).collect();
                values.map_or([String::new(), String::new()], |values| {
                    let (mean, deviation) = mean_and_deviation(&values);
                    [number(mean), deviation.map_or_else(String::new, number)]
                })
            });
            table.extend(csv_record(left.into_iter().chain([rows.len().to_string()]).chain(cells).chain(right))?);
            table.push(b'\n');
        }
        Ok(table)
    }
}

/// The mean, and the standard deviation of a sample (over n - 1); none of one value.
fn mean_and_deviation(values: &[f64]) -> (f64, Option<f64>) {
    let (n, first) = (values.len() as f64, values.first().copied().unwrap_or(0.0));
    // Around the first, so that equal values have themselves as mean, and no deviation.
    let mean = first + values.iter().map(|value| value - first).sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()))
}

/// In the shortest form that reads back to the same bits, as everywhere.
fn number(value: f64) -> String {
    Value::from(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        // statistics.mean and statistics.stdev of Python.
        let (mean, deviation) = mean_and_deviation(&[1.0, 2.0, 4.0]);
        assert!((mean - 7.0 / 3.0).abs() < 1e-15 && (deviation.unwrap() - 1.527_525_231_651_946_6).abs() < 1e-15);
        assert_eq!(mean_and_deviation(&[5.0]), (5.0, None));
        assert_eq!(mean_and_deviation(&[0.1; 3]), (0.1, Some(0.0)));
    }
}
