//! What a sweep leaves out: `[[exclude]]`, found for a run without a look at every one.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::axis::Column;

/// All exclusions of a sweep.
#[derive(Clone, Debug, Default)]
pub(super) struct Excludes {
    all: Vec<Exclude>,
    /// Setting, then value, to the exclusions that are filed under it: each under its rarest setting.
    filed: HashMap<String, HashMap<String, Vec<usize>>>,
}

/// Runs in which every setting has one of its values.
#[derive(Clone, Debug)]
struct Exclude {
    line: usize,
    settings: Vec<(String, HashSet<String>)>,
}

impl Excludes {
    /// The exclusions that are written in these lines.
    pub(super) fn new(lines: Vec<(usize, Vec<Column>)>) -> Self {
        let all: Vec<Exclude> = lines.into_iter().map(|(line, columns)| Exclude::new(line, columns)).collect();
        let filed = by_rarest_setting(&all);
        Excludes { all, filed }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The line in which the exclusion of this number is written.
    pub(super) fn line(&self, i: usize) -> usize {
        self.all[i].line
    }

    /// The first exclusion that leaves out a run with these settings.
    pub(super) fn first_match(&self, run: &Map<String, Value>) -> Option<usize> {
        let candidates = self.filed.iter().filter_map(|(key, by_value)| by_value.get(&run.get(key)?.to_string()));
        candidates.flatten().copied().filter(|&i| self.all[i].matches(run)).min()
    }
}

impl Exclude {
    fn new(line: usize, columns: Vec<Column>) -> Self {
        let settings = columns.into_iter().map(|Column { key, values }| {
            let values = values.iter().filter_map(|value| Some(value.given().get(&key)?.to_string())).collect();
            (key, values)
        });
        Exclude { line, settings: settings.collect() }
    }

    fn matches(&self, run: &Map<String, Value>) -> bool {
        self.settings.iter().all(|(key, values)| run.get(key).is_some_and(|value| values.contains(&value.to_string())))
    }
}

/// Files every exclusion under the setting whose values are in the fewest others, so that few are filed together.
fn by_rarest_setting(all: &[Exclude]) -> HashMap<String, HashMap<String, Vec<usize>>> {
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    for (key, values) in all.iter().flat_map(|exclude| &exclude.settings) {
        for value in values {
            *counts.entry((key.as_str(), value.as_str())).or_default() += 1;
        }
    }
    let mut filed: HashMap<String, HashMap<String, Vec<usize>>> = HashMap::new();
    for (i, exclude) in all.iter().enumerate() {
        let commonest = |(key, values): &&(String, HashSet<String>)| {
            values.iter().filter_map(|value| counts.get(&(key.as_str(), value.as_str())).copied()).max()
        };
        if let Some((key, values)) = exclude.settings.iter().min_by_key(commonest) {
            let by_value = filed.entry(key.clone()).or_default();
            values.iter().for_each(|value| by_value.entry(value.clone()).or_default().push(i));
        }
    }
    filed
}
