//! What runs are called beside each other: by what sets them apart, and by nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::Run;
use crate::spec::Settings;
use crate::text::significant;

/// Runs that differ in their seed alone.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// What sets it apart from the others.
    pub label: String,
    /// Its runs, by seed.
    pub runs: Vec<&'a Run>,
}

/// Settings that say nothing about what was trained.
const NO_DIFFERENCE: [&str; 2] = ["seed", "data"];

/// The runs as series, in the order of what they weigh.
pub fn series<'a>(runs: &[&'a Run]) -> Vec<Series<'a>> {
    let mut by_key: BTreeMap<Vec<String>, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        by_key.entry(key(&run.settings, &NO_DIFFERENCE)).or_default().push(run);
    }
    let mut all: Vec<Vec<&Run>> = by_key.into_values().collect();
    let weight = |runs: &Vec<&Run>| runs[0].weight().map_or(f64::MAX, |(_, w)| w);
    all.sort_by(|a, b| weight(a).total_cmp(&weight(b)).then_with(|| a[0].name.cmp(&b[0].name)));
    all.iter_mut().for_each(|runs| runs.sort_by_key(|run| run.settings.seed));
    let labels = labels(&all.iter().map(|runs| &runs[0].settings).collect::<Vec<_>>(), &NO_DIFFERENCE);
    all.into_iter().zip(labels).map(|(runs, label)| Series { label, runs }).collect()
}

/// The runs as lines along beta, the longest first: within one, beta and the seed alone differ.
pub fn beta_lines<'a>(runs: &[&'a Run]) -> Vec<Series<'a>> {
    const BESIDE: [&str; 4] = ["seed", "data", "beta", "preset"];
    let mut by_key: BTreeMap<Vec<String>, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        by_key.entry(key(&run.settings, &BESIDE)).or_default().push(run);
    }
    let mut all: Vec<Vec<&Run>> = by_key.into_values().collect();
    // The longest line first: what lies on it is then drawn over it.
    all.sort_by_key(|runs| std::cmp::Reverse(runs.len()));
    let labels = labels(&all.iter().map(|runs| &runs[0].settings).collect::<Vec<_>>(), &BESIDE);
    all.into_iter().zip(labels).map(|(runs, label)| Series { label, runs }).collect()
}

/// "mean", or "mean, KL mean" where the KL is not reduced as usual beside it.
pub fn reduction_label(settings: &Settings) -> String {
    let [reduction, kl] = [settings.reduction, settings.kl_reduction].map(super::name_of);
    match settings.reduction {
        Some(r) if settings.kl_reduction.is_some_and(|kl| kl != r.kl_default()) => format!("{reduction}, KL {kl}"),
        _ => reduction,
    }
}

fn key(settings: &Settings, without: &[&str]) -> Vec<String> {
    settings.cells().into_iter().filter(|(c, _)| !without.contains(&c.as_str())).map(|(_, cell)| cell).collect()
}

/// A name for each: its preset, or what differs among those without one.
fn labels(all: &[&Settings], without: &[&str]) -> Vec<String> {
    let preset = |s: &Settings| s.preset.filter(|_| !without.contains(&"preset")).map(|p| p.to_string());
    let mut by_preset: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
    for (i, settings) in all.iter().enumerate() {
        by_preset.entry(preset(settings)).or_default().push(i);
    }
    let mut labels = vec![String::new(); all.len()];
    for (preset, indices) in by_preset {
        let members: Vec<&Settings> = indices.iter().map(|&i| all[i]).collect();
        for (&i, words) in indices.iter().zip(differences(&members, without)) {
            labels[i] = match &preset {
                Some(preset) if words.is_empty() => preset.clone(),
                Some(preset) => format!("{preset}: {words}"),
                None if words.is_empty() => plain(all[i], without),
                None => words,
            };
        }
    }
    labels
}

/// A run that stands alone is called by what one asks first.
fn plain(s: &Settings, without: &[&str]) -> String {
    let beta = s.beta.filter(|_| !without.contains(&"beta")).map(|b| format!(", beta {}", significant(b.get())));
    format!("{} {}{}", super::name_of(s.loss), reduction_label(s), beta.unwrap_or_default())
}

/// Parameters of a choice: that they are not there is told with the choice.
const DEPENDENT: [&str; 5] = ["output", "adam_beta1", "adam_beta2", "adam_eps", "rmsprop_alpha"];

/// For each, the settings in which they differ.
fn differences(all: &[&Settings], without: &[&str]) -> Vec<String> {
    let cells: Vec<Vec<(String, String)>> = all.iter().map(|s| named_cells(s)).collect();
    let columns = cells.first().map_or(0, Vec::len);
    let mut words = vec![Vec::new(); all.len()];
    for column in 0..columns {
        let name = &cells[0][column].0;
        let mut values: BTreeSet<&str> = cells.iter().map(|row| row[column].1.as_str()).collect();
        if DEPENDENT.contains(&name.as_str()) {
            values.remove("");
        }
        if values.len() < 2 || without.contains(&name.as_str()) || name == "preset" {
            continue;
        }
        for (row, words) in cells.iter().zip(&mut words) {
            words.extend(phrase(name, &row[column].1));
        }
    }
    words.into_iter().map(|words| words.join(", ")).collect()
}

/// The cells, with the KL's reduction empty where it follows from the other.
fn named_cells(settings: &Settings) -> Vec<(String, String)> {
    let mut cells = settings.cells();
    if settings.reduction.is_some_and(|r| settings.kl_reduction == Some(r.kl_default())) {
        cells.iter_mut().filter(|(c, _)| c == "kl_reduction").for_each(|(_, cell)| cell.clear());
    }
    cells
}

fn phrase(column: &str, cell: &str) -> Option<String> {
    let number = || cell.parse().map_or_else(|_| cell.to_owned(), significant);
    match column {
        "hidden" if cell.is_empty() => Some("linear".into()),
        _ if cell.is_empty() => None,
        "loss" | "reduction" | "optimizer" | "activation" => Some(cell.to_owned()),
        "kl_reduction" => Some(format!("KL {cell}")),
        "recon_weight" => (cell != "1.0").then(|| format!("recon × {}", number())),
        "kl_weight" => (cell != "1.0").then(|| format!("KL × {}", number())),
        "latent_dim" => Some(format!("{cell} latents")),
        "hidden" => Some(format!("hidden {}", cell.replace(' ', "-"))),
        _ => Some(format!("{} {}", column.replace('_', " "), number())),
    }
}
