//! The findings as a table: a row for every configuration, with means over its seeds.

use maud::{Markup, html};

use super::notes;
use super::numbers::{aligned, fixed};
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
    let weight = runs.iter().find_map(|run| run.effective_weight()).map_or("effective beta", |weight| weight.symbol());
    let weights = series.iter().map(|s| s.runs[0].effective_weight().map(|weight| weight.value()));
    let weights = aligned(&weights.collect::<Vec<_>>());
    let seeds = series.iter().any(|s| s.runs.len() > 1);
    html! {
        table.findings {
            caption { span { (describe_group(comparable)) @if seeds { "; means over seeds" span.range-note { ", with the range where there are several" } } } }
            thead {
                tr {
                    th scope="col" { "configuration" }
                    @if seeds { th.n.seeds scope="col" { "seeds" } }
                    th.n scope="col" { (weight) }
                    @for quantity in quantities { th.n scope="col" { (quantity.symbol(unit)) } }
                    th.n scope="col" { "active" }
                    th scope="col" { "verdict" }
                }
            }
            tbody {
                @for (one, weight) in series.iter().zip(weights) {
                    tr {
                        th scope="row" { (one.label) }
                        @if seeds { td.n.seeds { (one.runs.len()) } }
                        td.n { (weight) }
                        @for quantity in quantities { (values(one, *quantity)) }
                        td.n { (active(one)) }
                        td { (verdicts(one)) }
                    }
                }
            }
        }
    }
}

/// "206.1", with the range behind it where several values differ visibly.
fn values(series: &Series<'_>, quantity: Quantity) -> Markup {
    let values: Vec<f64> =
        series.runs.iter().filter_map(|run| run.result()).filter_map(|row| quantity.value(row)).collect();
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

/// "20 of 20", "9 to 11 of 20".
fn active(series: &Series<'_>) -> String {
    let active: Vec<u32> =
        series.runs.iter().filter_map(|run| run.result()).filter_map(|row| row.active_units).collect();
    let (Some(least), Some(most)) = (active.iter().min(), active.iter().max()) else { return String::new() };
    let range = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    series.runs[0].settings.latent_dim.map_or(range.clone(), |all| format!("{range} of {all}"))
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
        Some(true) if outcome == Outcome::SomeActive => "part",
        Some(true) => "good",
        Some(false) => "bad",
        None => "unknown",
    };
    html! { span.verdict.(class) { (outcome.label()) } }
}
