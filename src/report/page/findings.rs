//! The findings: what was run and what came out. Each sentence is computed from the runs of the page.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::notes;
use crate::objective::EffectiveWeight;
use crate::report::run_set::{Agreement, Outcome, Quantity, Run, RunSet, Series, agreement, describe_group, series};
use crate::text::significant;

/// With more series the findings of each are left to the table.
const MAX_LISTED: usize = 16;

pub(super) fn section(set: &RunSet) -> Markup {
    let groups = set.groups();
    html! {
        section aria-labelledby="findings-h" {
            h2 #findings-h { "Findings" }
            p { (overview(&set.runs)) }
            @for (comparable, runs) in &groups {
                (group(comparable, runs))
            }
            @if groups.len() > 1 {
                p {
                    "R and -ELBO cannot be compared between these groups: they use different pixels or units, so each group has \
                     its own plots."
                }
            }
            (notes::list(&set.notes))
        }
    }
}

/// The findings of one group of comparable runs.
fn group(comparable: &str, runs: &[&Run]) -> Markup {
    let series = series(runs);
    html! {
        h3 { (describe_group(comparable)) }
        @if series.len() <= MAX_LISTED {
            ul {
                @for one in &series {
                    li { b { (one.label) } (finding(one)) }
                }
            }
        }
        @for sentence in summary(runs, series.len()) {
            p { (sentence) }
        }
    }
}

/// "18 runs: 12 healthy, 6 collapsed."
fn overview(runs: &[Run]) -> String {
    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    for run in runs {
        *counts.entry(run.outcome()).or_default() += 1;
    }
    let counts: Vec<String> = counts.into_iter().map(|(outcome, n)| format!("{n} {}", outcome.label())).collect();
    format!("{} {}: {}.", runs.len(), if runs.len() == 1 { "run" } else { "runs" }, counts.join(", "))
}

/// ": effective beta 784; R 206.1, K 0, -ELBO 206.1; 0 of 20 latents active; collapsed."
fn finding(series: &Series<'_>) -> String {
    let first = series.runs[0];
    let mut parts: Vec<String> = first.effective_weight().map(|weight| weight.to_string()).into_iter().collect();
    let results: Vec<_> = series.runs.iter().filter_map(|run| run.result()).collect();
    let quantities: Vec<String> = Quantity::of(&series.runs)
        .iter()
        .filter_map(|q| {
            let values: Vec<f64> = results.iter().filter_map(|row| q.value(row)).collect();
            Some(format!("{} {}", q.symbol(first.recon_unit()), mean_and_range(&values)?))
        })
        .collect();
    if quantities.is_empty() {
        parts.push("no completed run yet".into());
    } else {
        parts.push(quantities.join(", "));
    }
    let active: Vec<u32> = results.iter().filter_map(|row| row.active_units).collect();
    if let (Some(least), Some(most), Some(all)) = (active.iter().min(), active.iter().max(), first.settings.latent_dim)
    {
        let range = if least == most { format!("{least}") } else { format!("{least} to {most}") };
        parts.push(format!("{range} of {all} latents active"));
    }
    let used: Vec<u32> = results.iter().filter_map(|row| row.codes.codes_used).collect();
    if let (Some(least), Some(most), Some(all)) = (used.iter().min(), used.iter().max(), first.settings.codebook_size) {
        let range = if least == most { format!("{least}") } else { format!("{least} to {most}") };
        let perplexities: Vec<f64> = results.iter().filter_map(|row| row.codes.perplexity).collect();
        let perplexity = mean_and_range(&perplexities).unwrap_or_default();
        parts.push(format!("{range} of {all} codebook entries used, perplexity {perplexity}"));
    }
    let mut outcomes: Vec<Outcome> = series.runs.iter().map(|run| run.outcome()).collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    parts.push(outcomes.into_iter().map(Outcome::label).collect::<Vec<_>>().join(" or "));
    let seeds = if series.runs.len() > 1 { format!(", {} seeds", series.runs.len()) } else { String::new() };
    format!("{seeds}: {}.", parts.join("; "))
}

/// "206.1", or "206.1 (205.9 to 206.4)" where the values differ visibly.
fn mean_and_range(values: &[f64]) -> Option<String> {
    let (least, most) = (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
    let mean = short(values.iter().sum::<f64>() / values.len() as f64);
    let (least, most) = (short(least), short(most));
    Some(if least == most { mean } else { format!("{mean} ({least} to {most})") })
}

/// A number for a sentence: one decimal from 10 on, two below.
fn short(value: f64) -> String {
    if value.abs() >= 10.0 { format!("{value:.1}") } else { format!("{value:.2}") }
}

/// Sentences about all runs of a group, which form `series` series.
fn summary(runs: &[&Run], series: usize) -> Vec<String> {
    let lowest = if series > 1 { lowest_neg_elbo(runs) } else { None };
    let agreement = agreement(runs).map(|found| agreement_sentence(&found, runs));
    [lowest, collapse(runs), agreement].into_iter().flatten().collect()
}

fn lowest_neg_elbo(runs: &[&Run]) -> Option<String> {
    let results = runs.iter().filter_map(|run| Some((*run, run.result()?.neg_elbo?)));
    let (best, value) = results.min_by(|a, b| a.1.total_cmp(&b.1))?;
    let weight =
        best.effective_weight().map_or_else(String::new, |w| format!(", at {} {}", w.symbol(), significant(w.value())));
    Some(format!("The lowest -ELBO on the test images is {}{weight} ({}).", short(value), best.name))
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
        significant(found.recon),
        significant(found.kl)
    )
}
