//! Labels of runs in a comparison: the settings in which they differ, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::order::natural_order;
use super::run::Run;
use crate::choice::Choice;
use crate::model::ModelName;
use crate::spec::{Settings, has_place};
use crate::text::significant;

/// Runs that differ only in their seed.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// What distinguishes the series from the others.
    pub label: String,
    /// The runs, ordered by seed.
    pub runs: Vec<&'a Run>,
}

/// Settings that never distinguish series: the data set is part of the comparability key.
const WITHIN_SERIES: [&str; 2] = ["seed", "data"];

/// The settings that decide the effective weight and no other property of a run, and the preset that they came from.
pub(crate) const WEIGHT_SETTINGS: [&str; 6] =
    ["reduction", "kl_reduction", "recon_weight", "kl_weight", "beta", "preset"];

/// The runs as series, ordered by family of models and effective weight.
pub fn series<'a>(runs: &[&'a Run]) -> Vec<Series<'a>> {
    let mut by_key: BTreeMap<Vec<String>, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        by_key.entry(settings_key(&run.settings, &WITHIN_SERIES)).or_default().push(run);
    }
    let mut all: Vec<Vec<&Run>> = by_key.into_values().collect();
    let weight = |runs: &Vec<&Run>| runs[0].effective_weight().map_or(f64::MAX, |w| w.value());
    let model = |runs: &Vec<&Run>| runs[0].model().name();
    all.sort_by(|a, b| {
        let order = model(a).cmp(&model(b)).then_with(|| weight(a).total_cmp(&weight(b)));
        order.then_with(|| natural_order(&a[0].name, &b[0].name))
    });
    all.iter_mut().for_each(|runs| runs.sort_by_key(|run| run.settings.seed));
    let labels = labels(&all.iter().map(|runs| &runs[0].settings).collect::<Vec<_>>(), &WITHIN_SERIES);
    all.into_iter().zip(labels).map(|(runs, label)| Series { label, runs }).collect()
}

/// The runs as lines, the longest first: within a line only the settings in `along`, the seed and the preset's name differ.
pub fn lines_along<'a>(runs: &[&'a Run], along: &[&str]) -> Vec<Series<'a>> {
    let without: Vec<&str> = ["seed", "data", "preset"].into_iter().chain(along.iter().copied()).collect();
    let mut by_key: BTreeMap<Vec<String>, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        by_key.entry(settings_key(&run.settings, &without)).or_default().push(run);
    }
    let mut all: Vec<Vec<&Run>> = by_key.into_values().collect();
    let labels = labels(&all.iter().map(|runs| &runs[0].settings).collect::<Vec<_>>(), &without);
    let mut all: Vec<Series<'_>> = all.drain(..).zip(labels).map(|(runs, label)| Series { label, runs }).collect();
    // The longest line first: shorter lines with the same points are drawn over it.
    all.sort_by(|a, b| b.runs.len().cmp(&a.runs.len()).then_with(|| natural_order(&a.label, &b.label)));
    all
}

/// The settings that are not the same in all runs, in the order of the columns; seed, data set and preset are left out,
/// and so are parameters that only some choices have.
pub fn varying(runs: &[&Run]) -> Vec<String> {
    let cells: Vec<Vec<(String, String)>> = runs.iter().map(|run| named_cells(&run.settings)).collect();
    let Some(first) = cells.first() else { return Vec::new() };
    let mut found = Vec::new();
    for (i, (column, _)) in first.iter().enumerate() {
        let owners = cells.iter().zip(runs).filter(|(_, run)| has_place(column, &run.settings));
        let mut values: BTreeSet<&str> = owners.filter_map(|(row, _)| Some(row.get(i)?.1.as_str())).collect();
        if DEPENDENT.contains(&column.as_str()) {
            values.remove("");
        }
        if values.len() > 1 && !WITHIN_SERIES.contains(&column.as_str()) && column != "preset" {
            found.push(column.clone());
        }
    }
    found
}

/// "mean", or "mean, KL mean" where the reduction of the KL is not the default beside it; of a VQ-VAE "VQ-VAE, mean".
pub fn reduction_label(settings: &Settings) -> String {
    let [reduction, kl] = [settings.reduction, settings.kl_reduction].map(name_of);
    if settings.chosen_model() == ModelName::VqVae {
        return format!("VQ-VAE, {reduction}");
    }
    match settings.reduction {
        Some(r) if settings.kl_reduction.is_some_and(|kl| kl != r.kl_default()) => format!("{reduction}, KL {kl}"),
        _ => reduction,
    }
}

/// The cells of all settings but those in `without`: equal for runs that differ at most in these.
pub(crate) fn settings_key(settings: &Settings, without: &[&str]) -> Vec<String> {
    settings.cells().into_iter().filter(|(c, _)| !without.contains(&c.as_str())).map(|(_, cell)| cell).collect()
}

/// A label for each: the preset, or the settings that differ among those without a preset.
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
                None if words.is_empty() => default_label(all[i], without),
                None => words,
            };
        }
    }
    labels
}

/// The label where nothing differs: loss, reduction and beta.
fn default_label(s: &Settings, without: &[&str]) -> String {
    let beta = s.beta.filter(|_| !without.contains(&"beta")).map(|b| format!(", beta {}", significant(b.get())));
    format!("{} {}{}", name_of(s.loss), reduction_label(s), beta.unwrap_or_default())
}

/// Parameters of the loss whose absence follows from it and is not labelled; those of other choices are known to [`has_place`].
const DEPENDENT: [&str; 2] = ["output", "output_activation"];

/// The settings in which they differ, for each.
fn differences(all: &[&Settings], without: &[&str]) -> Vec<String> {
    let cells: Vec<Vec<(String, String)>> = all.iter().map(|s| named_cells(s)).collect();
    let columns = cells.first().map_or(0, Vec::len);
    let mut words = vec![Vec::new(); all.len()];
    for column in 0..columns {
        let name = &cells[0][column].0;
        let owners = cells.iter().zip(all).filter(|(_, settings)| has_place(name, settings));
        let mut values: BTreeSet<&str> = owners.map(|(row, _)| row[column].1.as_str()).collect();
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

/// The cells of all settings; the reduction of a latent term is empty where it is the default.
fn named_cells(settings: &Settings) -> Vec<(String, String)> {
    let mut cells = settings.cells();
    if settings.reduction.is_some_and(|r| settings.kl_reduction == Some(r.kl_default())) {
        cells.iter_mut().filter(|(c, _)| c == "kl_reduction").for_each(|(_, cell)| cell.clear());
    }
    for (column, reduction) in
        [("commitment_reduction", settings.commitment_reduction), ("codebook_reduction", settings.codebook_reduction)]
    {
        if reduction.is_some() && reduction == settings.vq_reduction {
            cells.iter_mut().filter(|(c, _)| c == column).for_each(|(_, cell)| cell.clear());
        }
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
        "model" => Some(if cell == "vq-vae" { "VQ-VAE".into() } else { cell.to_uppercase() }),
        "codes" => Some(if cell == "1" { "1 code".into() } else { format!("{cell} codes") }),
        "code_dim" => Some(format!("of {cell}")),
        "codebook_size" => Some(format!("{cell} entries")),
        "codebook_update" => Some(format!("{cell} codebook")),
        "hidden" => Some(format!("hidden {}", cell.replace(' ', "-"))),
        _ => Some(format!("{} {}", column.replace('_', " "), number())),
    }
}

/// The name of a choice, or an empty string.
pub(crate) fn name_of<C: Choice>(choice: Option<C>) -> String {
    choice.map_or_else(String::new, |c| c.name())
}

/// Whether two effective weights of one kind are equal up to rounding: a beta such as 1/784 is written in decimals.
pub(crate) fn same_weight(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < 1e-6 || a == b
}
