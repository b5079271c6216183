//! The last epochs of runs that differ in their seed alone, as mean, standard deviation and number.

use std::collections::HashMap;

use serde_json::Value;

use super::merge::{failed, settings_header};
use crate::error::Result;
use crate::metrics::EpochRecord;
use crate::records::{Column, RunRecord};

/// Rows of one configuration and split.
struct Group {
    left: Vec<String>,
    last: Vec<EpochRecord>,
}

/// One row a configuration and split of `runs`, in the order of their first members.
pub(super) fn mean_table(runs: &[RunRecord]) -> Result<Vec<u8>> {
    let measured: Vec<&str> = Column::ALL.map(Column::name).into_iter().skip(2).collect();
    let mut table = csv::Writer::from_writer(Vec::new());
    let statistics = measured.iter().flat_map(|name| [format!("{name}_mean"), format!("{name}_std")]);
    let header = ["comparable".to_owned()].into_iter().chain(settings_header().filter(|column| column != "seed"));
    let header = header.chain(["epoch", "split", "n"].map(str::to_owned)).chain(statistics);
    table.write_record(header).map_err(|e| failed(&e))?;
    for group in groups(runs) {
        let rows: Vec<Value> = group.last.iter().filter_map(|row| serde_json::to_value(row).ok()).collect();
        let cells = measured.iter().flat_map(|&name| {
            let values: Option<Vec<f64>> = rows.iter().map(|row| row.get(name).and_then(Value::as_f64)).collect();
            values.map_or([String::new(), String::new()], |values| {
                let (mean, deviation) = mean_and_deviation(&values);
                [number(mean), deviation.map_or_else(String::new, number)]
            })
        });
        let n = group.last.len().to_string();
        table.write_record(group.left.into_iter().chain([n]).chain(cells)).map_err(|e| failed(&e))?;
    }
    table.into_inner().map_err(|e| failed(&e))
}

fn groups(runs: &[RunRecord]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<Vec<String>, usize> = HashMap::new();
    for run in runs {
        let last = run.metrics.iter().map(|row| row.epoch).max();
        let settings = run.settings.cells().into_iter().filter(|(column, _)| column != "seed").map(|(_, cell)| cell);
        let left: Vec<String> = [run.comparable()].into_iter().chain(settings).collect();
        for row in run.metrics.iter().filter(|row| Some(row.epoch) == last) {
            let split = serde_json::to_value(row.split).ok().and_then(|v| v.as_str().map(str::to_owned));
            let mut left = left.clone();
            left.extend([row.epoch.to_string(), split.unwrap_or_default()]);
            let index = *known.entry(left.clone()).or_insert_with(|| {
                groups.push(Group { left, last: Vec::new() });
                groups.len() - 1
            });
            groups[index].last.push(row.clone());
        }
    }
    groups
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
