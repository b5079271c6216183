//! The findings: what was run and what came out. Each sentence is computed from the runs of the page.

use std::collections::BTreeMap;

use super::numbers::short;
use crate::objective::EffectiveWeight;
use crate::report::run_set::{Agreement, Outcome, Run, RunSet, agreement, natural_order, series};
use crate::text::significant;

/// What the page says first, and the group of comparable runs that it is about.
pub(super) struct Finding {
    pub(super) headline: String,
    /// Further sentences about the same runs.
    pub(super) more: Vec<String>,
}

/// The finding on the largest group of comparable runs.
pub(super) fn finding(runs: &[&Run]) -> Finding {
    let collapse = collapse(runs);
    let agreement = agreement(runs).map(|found| agreement_sentence(&found, runs));
    let lowest = lowest_neg_elbo(runs).map(|lowest| lowest.sentence);
    let mut all: Vec<String> = match series(runs).len() {
        1 => single(runs).into_iter().collect(),
        _ => [collapse, agreement, lowest].into_iter().flatten().collect(),
    };
    match all.is_empty() {
        true => Finding { headline: overview(runs), more: Vec::new() },
        false => {
            let headline = all.remove(0);
            Finding { headline, more: all }
        }
    }
}

/// "18 runs: 12 all active, 6 collapsed."
pub(super) fn overview(runs: &[&Run]) -> String {
    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    for run in runs {
        *counts.entry(run.outcome()).or_default() += 1;
    }
    let counts: Vec<String> = counts.into_iter().map(|(outcome, n)| format!("{n} {}", outcome.label())).collect();
    format!("{} {}: {}.", runs.len(), if runs.len() == 1 { "run" } else { "runs" }, counts.join(", "))
}

/// The end of the runs of one configuration.
fn single(runs: &[&Run]) -> Option<String> {
    let rows: Vec<_> = runs.iter().filter_map(|run| run.result()).collect();
    let first = rows.first()?;
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let bound: Option<Vec<f64>> = rows.iter().map(|row| row.neg_elbo).collect();
    let what = match bound {
        Some(values) => format!("−ELBO {:.1}", mean(values)),
        None => format!("{} {:.1}", runs[0].recon_unit().symbol(), mean(rows.iter().map(|row| row.recon()).collect())),
    };
    let seeds = if rows.len() > 1 { format!(", mean of {} seeds", rows.len()) } else { String::new() };
    let epochs = if first.epoch == 1 { "1 epoch".to_owned() } else { format!("{} epochs", first.epoch) };
    let active = match (first.active_units, runs[0].settings.latent_dim) {
        (Some(active), Some(all)) if rows.len() == 1 => format!("; {active} of {all} latents are active"),
        _ => String::new(),
    };
    Some(format!("{what} on the test images after {epochs}{seeds}{active}."))
}

/// The run with the lowest −ELBO.
pub(super) struct Lowest<'a> {
    pub(super) run: &'a Run,
    pub(super) value: f64,
    sentence: String,
}

pub(super) fn lowest_neg_elbo<'a>(runs: &[&'a Run]) -> Option<Lowest<'a>> {
    let results = runs.iter().filter_map(|run| Some((*run, run.result()?.neg_elbo?)));
    let (run, value) = results.min_by(|a, b| a.1.total_cmp(&b.1).then_with(|| natural_order(&a.0.name, &b.0.name)))?;
    let weight =
        run.effective_weight().map_or_else(String::new, |w| format!(", at {} {}", w.symbol(), significant(w.value())));
    let all = series(runs);
    let own = all.iter().find(|one| one.runs.iter().any(|other| other.name == run.name));
    let name = own.map_or(run.name.as_str(), |one| one.label.as_str());
    let seed = if own.is_some_and(|one| one.runs.len() > 1) { format!(", {}", run.seed()) } else { String::new() };
    let sentence = format!("The lowest −ELBO on the test images is {value:.1}{weight} ({name}{seed}).");
    Some(Lowest { run, value, sentence })
}

/// From which effective weight on the runs collapsed, where one weight separates them. Only runs whose latents were
/// judged are counted; runs that are untrained, diverged or in progress are not.
fn collapse(runs: &[&Run]) -> Option<String> {
    let judged: Vec<(&Run, bool)> = runs
        .iter()
        .filter(|run| run.result().is_some())
        .filter_map(|run| Some((*run, run.outcome().uses_latents()?)))
        .collect();
    let others = match runs.len() - judged.len() {
        0 => String::new(),
        1 => " 1 run is not counted, because its latents were not judged.".to_owned(),
        n => format!(" {n} runs are not counted, because their latents were not judged."),
    };
    if !judged.is_empty() && judged.iter().all(|(_, uses_latents)| !uses_latents) {
        return others.is_empty().then(|| "All runs collapsed.".to_owned());
    }
    let weights = |used: bool| -> Option<Vec<EffectiveWeight>> {
        judged.iter().filter(|(_, uses)| *uses == used).map(|(run, _)| run.effective_weight()).collect()
    };
    let (active, collapsed) = (weights(true)?, weights(false)?);
    let kind = *active.first()?;
    if active.iter().chain(&collapsed).any(|weight| !weight.same_kind(kind)) {
        return None;
    }
    let most = active.into_iter().map(EffectiveWeight::value).reduce(f64::max)?;
    let least = collapsed.into_iter().map(EffectiveWeight::value).reduce(f64::min)?;
    (most < least).then(|| {
        format!(
            "All runs with {} {} or more collapsed, and none with {} or less.{others}",
            kind.symbol(),
            significant(least),
            significant(most)
        )
    })
}

/// The largest differences between runs with the same effective weight under different reductions.
fn agreement_sentence(found: &Agreement, runs: &[&Run]) -> String {
    let symbol = runs.first().map_or("R", |run| run.recon_unit().symbol());
    let weight = runs.iter().find_map(|run| run.effective_weight()).map_or("effective weight", EffectiveWeight::symbol);
    let pairs = match found.pairs {
        1 => "1 pair of runs has".to_owned(),
        n => format!("{n} pairs of runs have"),
    };
    format!(
        "{pairs} the same {weight} under different reductions; the largest differences are {} in {symbol} and {} in K.",
        short(found.recon),
        short(found.kl)
    )
}

/// The group with most runs; of equal ones the first.
pub(super) fn main_group(set: &RunSet) -> Option<(String, Vec<&Run>)> {
    let groups = set.groups().into_iter();
    let (key, runs) = groups.reduce(|most, next| if next.1.len() > most.1.len() { next } else { most })?;
    Some((key.to_owned(), runs))
}
