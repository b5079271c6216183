//! The findings as a table: a row for every configuration, with means over its seeds.

use maud::{Markup, html};

use super::notes;
use super::numbers::{aligned, fixed};
use crate::metrics::EpochRecord;
use crate::model::ModelName;
use crate::objective::EffectiveWeight;
use crate::report::run_set::{Outcome, Quantity, Run, RunSet, Series, describe_group, natural_order, series};

/// A longer table is folded.
const MAX_UNFOLDED: usize = 30;

pub(super) fn section(set: &RunSet) -> Markup {
    let groups = set.groups();
    html! {
        section #findings aria-labelledby="findings-h" {
            h2 #findings-h { "Findings" }
            @for (comparable, runs) in &groups {
                (group(comparable, runs))
            }
            @if groups.len() > 1 {
                p.muted {
                    "R and −ELBO cannot be compared between these tables: they use different pixels or units, so each has its \
                     own plots."
                }
            }
            (notes::list(&set.notes))
        }
    }
}

fn group(comparable: &str, runs: &[&Run]) -> Markup {
    let mut series = series(runs);
    // They come by weight; those of one weight by name.
    let weight = |s: &Series<'_>| s.runs[0].effective_weight().map_or(f64::MAX, |weight| weight.value());
    series.sort_by(|a, b| weight(a).total_cmp(&weight(b)).then_with(|| natural_order(&a.label, &b.label)));
    let table = table(comparable, runs, &series);
    html! {
        @if series.len() <= MAX_UNFOLDED {
            div.scroll { (table) }
        } @else {
            details.fold { summary { "All " (series.len()) " configurations, " (describe_group(comparable)) } div.scroll { (table) } }
        }
    }
}

fn table(comparable: &str, runs: &[&Run], series: &[Series<'_>]) -> Markup {
    let quantities = Quantity::of(runs);
    let unit = runs[0].recon_unit();
    let weights = weights(series);
    let seeds = series.iter().any(|s| s.runs.len() > 1);
    let has_codes = runs.iter().any(|run| run.settings.codebook_size.is_some());
    html! {
        table.findings {
            caption { span { (describe_group(comparable)) @if seeds { "; means over seeds" span.range-note { ", with the range where there are several" } } } }
            thead {
                tr {
                    th scope="col" { "configuration" }
                    @if seeds { th.n.seeds scope="col" { "seeds" } }
                    @for (symbol, _) in &weights { th.n scope="col" { (symbol) } }
                    @for quantity in quantities { th.n scope="col" { (quantity.symbol(unit)) } }
                    th.n scope="col" { (in_use_heading(runs)) }
                    @if has_codes { @for heading in ["C", "perplexity"] { th.n scope="col" { (heading) } } }
                    th scope="col" { "verdict" }
                }
            }
            tbody {
                @for (i, one) in series.iter().enumerate() {
                    tr {
                        th scope="row" { (one.label) }
                        @if seeds { td.n.seeds { (one.runs.len()) } }
                        @for (_, weights) in &weights { td.n { (weights[i]) } }
                        @for quantity in quantities {
                            // The bound of a VQ-VAE is R and a constant, so that its range says nothing more.
                            @if has_codes && *quantity == Quantity::NegElbo {
                                td.n { b { (mean(one, |row| quantity.value(row))) } }
                            } @else {
                                (values(one, |row| quantity.value(row)))
                            }
                        }
                        td.n { (in_use(one)) }
                        @if has_codes {
                            td.n { (mean(one, EpochRecord::code_distance)) }
                            td.n { (mean(one, |row| row.codes.perplexity)) }
                        }
                        td { (verdicts(one)) }
                    }
                }
            }
        }
    }
}

/// A column for each kind of effective weight that the series have: its symbol and its cells.
fn weights(series: &[Series<'_>]) -> Vec<(&'static str, Vec<String>)> {
    let of = |s: &Series<'_>| s.runs[0].effective_weight();
    let mut kinds: Vec<EffectiveWeight> = Vec::new();
    for weight in series.iter().filter_map(of) {
        if kinds.iter().all(|kind| !kind.same_kind(weight)) {
            kinds.push(weight);
        }
    }
    let cells = |kind: EffectiveWeight| {
        let values = series.iter().map(|s| of(s).filter(|weight| weight.same_kind(kind)).map(EffectiveWeight::value));
        aligned(&values.collect::<Vec<_>>())
    };
    kinds.into_iter().map(|kind| (kind.symbol(), cells(kind))).collect()
}

/// "206.1", with the range before it where several values differ visibly.
fn values(series: &Series<'_>, value: impl Fn(&EpochRecord) -> Option<f64>) -> Markup {
    let values: Vec<f64> = series.runs.iter().filter_map(|run| run.result()).filter_map(value).collect();
    let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
    let mean = fixed(values.iter().sum::<f64>() / values.len() as f64);
    html! {
        td.n {
            @if !values.is_empty() {
                @if fixed(least) != fixed(most) { span.range { (fixed(least)) " to " (fixed(most)) } }
                b { (mean) }
            }
        }
    }
}

/// The mean, without the range.
fn mean(series: &Series<'_>, value: impl Fn(&EpochRecord) -> Option<f64>) -> String {
    let values: Vec<f64> = series.runs.iter().filter_map(|run| run.result()).filter_map(value).collect();
    if values.is_empty() { String::new() } else { fixed(values.iter().sum::<f64>() / values.len() as f64) }
}

/// What a model has some of in use: latents, codebook entries, or both in one table.
fn in_use_heading(runs: &[&Run]) -> &'static str {
    let has = |model: ModelName| runs.iter().any(|run| run.model() == model);
    match (has(ModelName::Vae), has(ModelName::VqVae)) {
        (true, true) => "latents or entries in use",
        (false, true) => "entries used",
        (true, false) | (false, false) => "active",
    }
}

/// "20 of 20", "9 to 11 of 20": latents of a VAE, codebook entries of a VQ-VAE.
fn in_use(series: &Series<'_>) -> String {
    let settings = &series.runs[0].settings;
    let all = match series.runs[0].model() {
        ModelName::Vae => settings.latent_dim,
        ModelName::VqVae => settings.codebook_size,
    };
    let count = |row: &EpochRecord| row.active_units.or(row.codes.codes_used);
    let counts: Vec<u32> = series.runs.iter().filter_map(|run| run.result()).filter_map(count).collect();
    let (Some(least), Some(most)) = (counts.iter().min(), counts.iter().max()) else { return String::new() };
    let range = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    all.map_or(range.clone(), |all| format!("{range} of {all}"))
}

fn verdicts(series: &Series<'_>) -> Markup {
    let mut outcomes: Vec<Outcome> = series.runs.iter().map(|run| run.outcome()).collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    html! {
        @for (i, outcome) in outcomes.into_iter().enumerate() {
            @if i > 0 { " or " }
            (verdict(outcome))
        }
    }
}

/// The verdict with a mark beside the word.
pub(super) fn verdict(outcome: Outcome) -> Markup {
    let class = match outcome.uses_latents() {
        _ if outcome == Outcome::Unstable => "bad",
        Some(true) if matches!(outcome, Outcome::SomeActive | Outcome::DeadCodes) => "part",
        Some(true) => "good",
        Some(false) => "bad",
        None => "unknown",
    };
    html! { span.verdict.(class) { (outcome.label()) } }
}
