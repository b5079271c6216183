//! The findings: what was run and what came out. Each sentence is computed from the runs of the page.

use std::collections::BTreeMap;

use super::numbers::short;
use crate::model::ModelName;
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
    let mut all: Vec<String> = match series(runs).len() {
        1 => single(runs).into_iter().collect(),
        _ => {
            let first = [collapse, agreement, commitment_ratio(runs), lowest_sentence(runs)];
            first.into_iter().chain([entries_used(runs)]).flatten().collect()
        }
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
    let codes = match (first.codes.codes_used, first.codes.perplexity, runs[0].settings.codebook_size) {
        (Some(used), Some(perplexity), Some(all)) if rows.len() == 1 => {
            format!("; {used} of {all} codebook entries are used, perplexity {perplexity:.1}")
        }
        _ => String::new(),
    };
    Some(format!("{what} on the test images after {epochs}{seeds}{active}{codes}."))
}

/// The run with the lowest −ELBO.
pub(super) struct Lowest<'a> {
    pub(super) run: &'a Run,
    pub(super) value: f64,
}

pub(super) fn lowest_neg_elbo<'a>(runs: &[&'a Run]) -> Option<Lowest<'a>> {
    let results = runs.iter().filter_map(|run| Some((*run, run.result()?.neg_elbo?)));
    let (run, value) = results.min_by(|a, b| a.1.total_cmp(&b.1).then_with(|| natural_order(&a.0.name, &b.0.name)))?;
    Some(Lowest { run, value })
}

/// Of each family of models, where there are several.
fn lowest_sentence(runs: &[&Run]) -> Option<String> {
    let of = |model: ModelName| runs.iter().copied().filter(|run| run.model() == model).collect::<Vec<&Run>>();
    let found = [("a VAE", ModelName::Vae), ("a VQ-VAE", ModelName::VqVae)];
    let found = found.map(|(name, model)| lowest_neg_elbo(&of(model)).map(|lowest| (name, lowest)));
    let found: Vec<(&str, Lowest<'_>)> = found.into_iter().flatten().collect();
    let several = found.len() > 1;
    let all = series(runs);
    let phrases = found.iter().map(|(name, Lowest { run, value })| {
        let weight = run.effective_weight();
        let weight = weight.map_or_else(String::new, |w| format!(", at {} {}", w.symbol(), significant(w.value())));
        match several {
            true => format!("{value:.1} for {name}{weight}"),
            false => {
                let own = all.iter().find(|one| one.runs.iter().any(|other| other.name == run.name));
                let name = own.map_or(run.name.as_str(), |one| one.label.as_str());
                let seed =
                    own.filter(|one| one.runs.len() > 1).map_or_else(String::new, |_| format!(", {}", run.seed()));
                format!("{value:.1}{weight} ({name}{seed})")
            }
        }
    });
    let phrases: Vec<String> = phrases.collect();
    (!phrases.is_empty()).then(|| format!("The lowest −ELBO on the test images is {}.", phrases.join(" and ")))
}

/// A wider range of the commitment ratio is worth a sentence.
const WIDE_RATIO: f64 = 2.0;

/// What the rate of VQ-VAEs does while their commitment ratio goes over a range: nothing, as it is N ln K.
fn commitment_ratio(runs: &[&Run]) -> Option<String> {
    let codes = |run: &&Run| (run.settings.codes, run.settings.codebook_size);
    let mut found: Vec<(f64, &Run, f64, f64)> = runs
        .iter()
        .filter_map(|run| {
            let row = run.result()?;
            Some((row.codes.commitment_ratio?, *run, row.recon(), row.kl()))
        })
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (least, most) = (found.first()?, found.last()?);
    if most.0 < WIDE_RATIO * least.0 || found.iter().any(|(_, run, ..)| codes(run) != codes(&least.1)) {
        return None;
    }
    let symbol = least.1.recon_unit().symbol();
    let lowest = found.iter().min_by(|a, b| a.2.total_cmp(&b.2))?;
    let highest = found.iter().max_by(|a, b| a.2.total_cmp(&b.2))?;
    Some(format!(
        "With rho from {} to {} the rate of the VQ-VAEs is N ln K = {:.1} nats in every run; {symbol} goes from {:.1} at rho {} to \
         {:.1} at rho {}.",
        significant(least.0),
        significant(most.0),
        least.3,
        lowest.2,
        significant(lowest.0),
        highest.2,
        significant(highest.0)
    ))
}

/// How many VQ-VAEs use all their entries, and the least that one uses.
fn entries_used(runs: &[&Run]) -> Option<String> {
    let uses = runs.iter().filter_map(|run| {
        let row = run.result()?;
        Some((row.codes.codes_used?, u32::try_from(run.settings.codebook_size?.get()).ok()?))
    });
    let uses: Vec<(u32, u32)> = uses.collect();
    let least = uses.iter().min_by_key(|(used, _)| *used)?;
    if uses.len() == 1 {
        return Some(format!("The VQ-VAE uses {} of {} codebook entries.", least.0, least.1));
    }
    let all = uses.iter().filter(|(used, all)| used == all).count();
    Some(format!(
        "{all} of {} VQ-VAEs use every codebook entry; the fewest in use are {} of {}.",
        uses.len(),
        least.0,
        least.1
    ))
}

/// From which effective weight on the runs collapsed, where one weight separates them. Only runs whose latents were
/// judged are counted; runs that are untrained, diverged or in progress are not. Of VQ-VAEs the use of entries is said.
fn collapse(runs: &[&Run]) -> Option<String> {
    let runs: Vec<&Run> = runs.iter().copied().filter(|run| run.model() == ModelName::Vae).collect();
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
