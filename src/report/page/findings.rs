//! What was run and what came out, in words.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::notes;
use crate::records::Status;
use crate::report::study::{Quantity, Run, Series, Study, Weighing, describe_group, series};
use crate::text::significant;

/// More settings than this are summed up instead of listed.
const MOST_LISTED: usize = 16;

pub(super) fn section(study: &Study) -> Markup {
    let groups = study.groups();
    html! {
        section aria-labelledby="findings-h" {
            h2 #findings-h { "Findings" }
            p { (overview(&study.runs)) }
            @for (comparable, runs) in &groups {
                (group(comparable, runs))
            }
            @if groups.len() > 1 {
                p {
                    "Between these groups R and -ELBO cannot be compared: other pixels, or another kind of number. Each has plots \
                     of its own."
                }
            }
            (notes::list(&study.notes))
        }
    }
}

/// The findings of one group of comparable runs.
fn group(comparable: &str, runs: &[&Run]) -> Markup {
    let series = series(runs);
    html! {
        h3 { (describe_group(comparable)) }
        @if series.len() <= MOST_LISTED {
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
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for run in runs {
        *counts.entry(outcome(run)).or_default() += 1;
    }
    let counts: Vec<String> = counts.into_iter().map(|(what, n)| format!("{n} {what}")).collect();
    format!("{} {}: {}.", runs.len(), if runs.len() == 1 { "run" } else { "runs" }, counts.join(", "))
}

/// What became of a run, in plain words.
pub(super) fn outcome(run: &Run) -> &str {
    match (run.verdict.as_str(), run.status) {
        (_, Status::Running) => "under way",
        (_, Status::Interrupted) => "interrupted",
        ("partly-collapsed", _) => "partly collapsed",
        ("unconverged", _) => "untrained",
        ("", _) => "without a verdict",
        (verdict, _) => verdict,
    }
}

/// ": effective beta 784; R 206.1, K 0, -ELBO 206.1; 0 of 20 latents active; collapsed".
fn finding(series: &Series<'_>) -> String {
    let first = series.runs[0];
    let mut parts = Vec::new();
    if let Some((weighing, value)) = first.weight() {
        let name = match weighing {
            Weighing::Beta => "effective beta",
            Weighing::BetaSigma2 => "beta·σ²",
        };
        parts.push(format!("{name} {}", significant(value)));
    }
    let results: Vec<_> = series.runs.iter().filter_map(|run| run.result()).collect();
    let terms: Vec<String> = Quantity::of(&series.runs)
        .iter()
        .filter_map(|q| {
            let values: Vec<f64> = results.iter().filter_map(|row| q.value(row)).collect();
            let (least, most) = (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let spread = if short(least) == short(most) {
                String::new()
            } else {
                format!(" ({} to {})", short(least), short(most))
            };
            Some(format!("{} {}{spread}", q.symbol(first.symbol()), short(mean)))
        })
        .collect();
    if terms.is_empty() {
        parts.push("no finished run yet".into());
    } else {
        parts.push(terms.join(", "));
    }
    let active: Vec<u32> = results.iter().filter_map(|row| row.active_units).collect();
    if let (Some(least), Some(most), Some(all)) = (active.iter().min(), active.iter().max(), first.settings.latent_dim)
    {
        let range = if least == most { format!("{least}") } else { format!("{least} to {most}") };
        parts.push(format!("{range} of {all} latents active"));
    }
    let mut outcomes: Vec<&str> = series.runs.iter().map(|run| outcome(run)).collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    parts.push(outcomes.join(" or "));
    let seeds = if series.runs.len() > 1 { format!(", {} seeds", series.runs.len()) } else { String::new() };
    format!("{seeds}: {}.", parts.join("; "))
}

/// A number for a sentence: one decimal where there is room for no more.
fn short(value: f64) -> String {
    if value.abs() >= 10.0 { format!("{value:.1}") } else { format!("{value:.2}") }
}

/// Where the best run is, and where the collapse begins.
fn summary(runs: &[&Run], series: usize) -> Vec<String> {
    let mut sentences = Vec::new();
    let done: Vec<(&Run, f64)> = runs.iter().filter_map(|run| Some((*run, run.result()?.neg_elbo?))).collect();
    if let Some((best, value)) = done.iter().min_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| series > 1) {
        let weight =
            best.weight().map_or_else(String::new, |(_, w)| format!(", at an effective beta of {}", significant(w)));
        sentences.push(format!("The least -ELBO on the test images is {}{weight} ({}).", short(*value), best.name));
    }
    let weights = |collapsed: bool| {
        let chosen =
            runs.iter().filter(move |run| !run.verdict.is_empty() && (run.verdict == "collapsed") == collapsed);
        chosen.filter(|run| run.result().is_some()).filter_map(|run| run.weight().map(|(_, w)| w)).collect::<Vec<_>>()
    };
    let (least, most) = (weights(true).into_iter().reduce(f64::min), weights(false).into_iter().reduce(f64::max));
    match (least, most) {
        (Some(least), Some(most)) if most < least => sentences.push(format!(
            "Every run with an effective weight of {} or more collapsed, and none with {} or less.",
            significant(least),
            significant(most)
        )),
        (Some(least), Some(most)) => sentences.push(format!(
            "Runs collapsed at effective weights from {} on; the largest of a run that did not is {}.",
            significant(least),
            significant(most)
        )),
        (Some(_), None) => sentences.push("Every one of them collapsed.".into()),
        (None, _) => {}
    }
    sentences
}
