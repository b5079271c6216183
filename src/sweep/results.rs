//! What came of runs, read from their directories: one row of facts for each, and their means over seeds.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::find::run_name;
use super::state::State;
use crate::files::{MOST_TEXT, read_regular};
use crate::metrics::{EpochRecord, Split};
use crate::objective::Measure;
use crate::records::{Comparable, Labels, Manifest, RunDir, Status, parse_metrics, parse_timing};
use crate::spec::{Settings, cell_text, varied};

/// A run with all that is known of it.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// Its directory.
    pub dir: RunDir,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// Its settings, complete.
    pub settings: Settings,
    /// The last row of the test images; none before the first.
    pub last: Option<EpochRecord>,
    /// The verdict in one word; none while it runs.
    pub verdict: Option<&'static str>,
    /// What R was measured on and in; none where a setting is missing that the key needs.
    pub comparable: Option<Comparable>,
    /// Tags and note.
    pub labels: Labels,
    /// Settings and results by name, for filters and orders.
    pub facts: Map<String, Value>,
}

/// The names of results, beside those of settings, that a run can be filtered and ordered by.
pub const RESULTS: [&str; 21] = [
    "run",
    "state",
    "verdict",
    "latents",
    "average-image",
    "training",
    "objective-kind",
    "objective",
    "recon",
    "kl",
    "neg-elbo",
    "beta-effective",
    "beta-sigma2",
    "active-units",
    "code-distance",
    "perplexity",
    "codes-used",
    "commitment-ratio",
    "seconds",
    "started",
    "tag",
];

impl RunResult {
    /// Reads the run in `dir`.
    ///
    /// # Errors
    /// Why it cannot be read, as a sentence.
    pub fn read(dir: &RunDir) -> Result<Self, String> {
        let manifest = Manifest::read(&dir.manifest()).map_err(|why| format!("{}: {why}", dir.manifest().display()))?;
        let settings = dir.settings().map_err(|why| why.to_string())?;
        let last = match last_row(dir) {
            Ok(last) => last,
            // A row that is being written may be cut off.
            Err(_) if matches!(manifest.status, Status::Running | Status::Interrupted) => None,
            Err(why) => return Err(format!("{}: {why}", dir.metrics().display())),
        };
        let labels = Labels::read(dir);
        let (name, state) = (run_name(dir.path()), State::of(dir));
        let mut facts = settings.given();
        facts.remove("data-dir");
        facts.insert("run".into(), json!(name));
        facts.insert("state".into(), json!(state.word()));
        facts.insert("started".into(), json!(manifest.started));
        facts.insert("tag".into(), json!(labels.tags));
        if let Some(verdict) = &manifest.verdict {
            facts.insert("verdict".into(), json!(<&str>::from(verdict.headline())));
            facts.insert("latents".into(), json!(verdict.latents));
            facts.insert("average-image".into(), json!(verdict.average_image));
            facts.insert("training".into(), json!(verdict.training));
            facts.insert("objective-kind".into(), json!(verdict.objective));
        }
        if let Some(row) = &last {
            let numbers = [
                ("objective", Some(row.objective())),
                ("recon", Some(row.recon())),
                ("kl", Some(row.kl())),
                ("neg-elbo", row.neg_elbo),
                ("beta-effective", row.beta_effective),
                ("beta-sigma2", row.beta_sigma2),
                ("bits-per-dim", row.bits_per_dim),
                ("active-units", row.active_units.map(f64::from)),
                ("code-distance", row.code_distance()),
                ("perplexity", row.codes.perplexity),
                ("codes-used", row.codes.codes_used.map(f64::from)),
                ("commitment-ratio", row.codes.commitment_ratio),
                ("multiplier", row.multiplier),
            ];
            facts.extend(numbers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
        }
        if let Some(seconds) = seconds(dir) {
            facts.insert("seconds".into(), json!(seconds));
        }
        let verdict = manifest.verdict.map(|verdict| verdict.headline().into());
        let comparable = Comparable::of(&manifest.data, &settings).ok();
        Ok(RunResult { dir: dir.clone(), name, state, settings, last, verdict, comparable, labels, facts })
    }

    /// Whether its reconstruction is a squared error, S, and no likelihood.
    pub fn is_squared_error(&self) -> bool {
        self.settings.loss.is_some_and(|loss| loss.measure() == Measure::SquaredError)
    }
}

fn last_row(dir: &RunDir) -> Result<Option<EpochRecord>, String> {
    let text = read_regular(&dir.metrics(), MOST_TEXT).map_err(|e| e.to_string())?;
    Ok(parse_metrics(&text)?.into_iter().rfind(|row| row.split == Split::Test))
}

/// Seconds of training and measuring.
fn seconds(dir: &RunDir) -> Option<f64> {
    let rows = parse_timing(&read_regular(&dir.timing(), MOST_TEXT).ok()?).ok()?;
    Some(rows.iter().map(|row| row.train_s + row.eval_s).sum())
}

/// The settings among these facts that are not the same in all runs that may have them, in the flags' order.
pub fn varied_settings<'a>(runs: impl IntoIterator<Item = &'a Map<String, Value>>) -> Vec<String> {
    let names = Settings::names();
    let settings = |facts: &Map<String, Value>| -> Settings {
        let given =
            facts.iter().filter(|(name, _)| names.contains(name)).map(|(name, value)| (name.clone(), value.clone()));
        // Facts hold what settings gave, so that they are read back as they were.
        serde_json::from_value(Value::Object(given.collect())).unwrap_or_default()
    };
    varied(&runs.into_iter().map(settings).collect::<Vec<_>>())
}

/// The order of two values: as numbers where both are, else as words; what is missing comes last.
pub fn by_value(one: Option<&Value>, other: Option<&Value>) -> Ordering {
    let number = |value: &Value| value.as_f64().or_else(|| cell_text(value, ",").parse().ok());
    match (one, other) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(one), Some(other)) => match (number(one), number(other)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => cell_text(one, ",").cmp(&cell_text(other, ",")),
        },
    }
}

/// The order of two runs by the first of `keys` in which they differ.
pub fn by_keys(keys: &[String], one: &Map<String, Value>, other: &Map<String, Value>) -> Ordering {
    keys.iter().map(|key| by_value(one.get(key), other.get(key))).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// The finished runs of one configuration: all that differ in their seed alone and can be compared.
#[derive(Clone, Debug)]
pub struct Configuration<'a> {
    /// At least one.
    pub runs: Vec<&'a RunResult>,
}

impl Configuration<'_> {
    /// The configurations of the finished runs among `runs`, ordered by the settings that vary.
    pub fn of(runs: &[RunResult]) -> Vec<Configuration<'_>> {
        let mut groups: BTreeMap<String, Vec<&RunResult>> = BTreeMap::new();
        for run in runs.iter().filter(|run| matches!(run.state, State::Done | State::Diverged(_))) {
            let settings = Settings { data_dir: None, seed: None, ..run.settings.clone() };
            let key = run.comparable.as_ref().map_or_else(String::new, Comparable::to_string);
            groups.entry(format!("{} {key}", Value::Object(settings.given()))).or_default().push(run);
        }
        let mut all: Vec<_> = groups.into_values().map(|runs| Configuration { runs }).collect();
        let keys = varied_settings(runs.iter().map(|run| &run.facts));
        all.sort_by(|a, b| by_keys(&keys, a.facts(), b.facts()));
        all
    }

    /// The facts of the first of its runs.
    pub fn facts(&self) -> &Map<String, Value> {
        &self.runs[0].facts
    }

    /// The mean of a number of the last test rows; none where a run has none.
    pub fn mean(&self, value: impl Fn(&EpochRecord) -> Option<f64>) -> Option<f64> {
        let values: Option<Vec<f64>> = self.runs.iter().map(|run| value(run.last.as_ref()?)).collect();
        values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// The verdict that all its runs have, or each with its number: "2 collapsed, 1 some-active".
    pub fn verdict(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for run in &self.runs {
            *counts.entry(run.verdict.unwrap_or("not-judged")).or_default() += 1;
        }
        match counts.len() {
            1 => counts.into_keys().collect(),
            _ => counts.iter().map(|(verdict, n)| format!("{n} {verdict}")).collect::<Vec<_>>().join(", "),
        }
    }
}

/// The runs at `paths` that can be read, and a sentence for each other.
pub fn read_results<'a>(paths: impl IntoIterator<Item = &'a Path>) -> (Vec<RunResult>, Vec<String>) {
    let (mut runs, mut notes) = (Vec::new(), Vec::new());
    for path in paths {
        match RunResult::read(&RunDir::new(path)) {
            Ok(run) => runs.push(run),
            Err(why) => notes.push(format!("left out: {why}")),
        }
    }
    (runs, notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_numbers_and_what_is_missing_comes_last() {
        let order = |a: Value, b: Value| by_value(Some(&a), Some(&b));
        assert_eq!(order(json!(10), json!(2.15)), Ordering::Greater);
        assert_eq!(order(json!("10"), json!(9)), Ordering::Greater);
        assert_eq!(order(json!("bce"), json!("mse")), Ordering::Less);
        assert_eq!(order(json!(1), json!("pixels")), Ordering::Less);
        assert_eq!(by_value(None, Some(&json!(1))), Ordering::Greater);
    }
}
