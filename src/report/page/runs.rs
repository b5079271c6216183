//! The table of all runs, which the script of the page sorts and filters.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::metrics::EpochRecord;
use crate::report::run_set::{Outcome, Run, RunSet, name_of, reduction_label};
use crate::text::significant;

/// How the cells of a column are sorted and aligned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Text,
    Numbers,
}

/// A column: its heading, its meaning (a tooltip) and its cells.
struct Column {
    heading: &'static str,
    meaning: &'static str,
    sort: Sort,
    cell: fn(&Run, Option<&EpochRecord>) -> Cell,
}

enum Cell {
    Text(String),
    Number(Option<f64>),
}

/// Headings of groups of columns, with the number of columns.
const GROUPS: [(&str, usize); 5] =
    [("", 2), ("Settings", 6), ("Effective weight", 2), ("Objective ledger", 3), ("Canonical ledger", 4)];

fn columns() -> [Column; 17] {
    use Sort::{Numbers, Text};
    let column = |heading, meaning, sort, cell| Column { heading, meaning, sort, cell };
    [
        column("run", "name of the run", Text, |run, _| Cell::Text(run.name.clone())),
        column("outcome", "the program's verdict", Text, |run, _| Cell::Text(run.outcome().label().to_owned())),
        column("data", "data set, binarisation, pixel range and unit of R", Text, |run, _| {
            Cell::Text(run.comparable.clone())
        }),
        column("loss", "reconstruction loss", Text, |run, _| Cell::Text(name_of(run.settings.loss))),
        column("reduction", "of the reconstruction, and of the KL where not the default", Text, |run, _| {
            Cell::Text(reduction_label(&run.settings))
        }),
        column("beta", "beta as written", Numbers, |run, _| Cell::Number(run.settings.beta)),
        column("preset", "named convention", Text, |run, _| {
            Cell::Text(run.settings.preset.map_or_else(String::new, |p| p.to_string()))
        }),
        column("seed", "seed", Numbers, |run, _| Cell::Number(run.settings.seed.map(|s| s as f64))),
        column("effective beta", "b / a, for likelihoods", Numbers, |_, row| {
            Cell::Number(row.and_then(|r| r.beta_effective))
        }),
        column("beta·σ²", "b / (2a), for squared errors and Gaussians", Numbers, |_, row| {
            Cell::Number(row.and_then(|r| r.beta_sigma2))
        }),
        column("a·R", "as the optimiser saw the term", Numbers, |_, row| Cell::Number(row.map(|r| r.recon_term))),
        column("b·K", "as the optimiser saw the term", Numbers, |_, row| Cell::Number(row.map(|r| r.kl_term))),
        column("objective", "the minimised sum", Numbers, |_, row| Cell::Number(row.map(|r| r.objective))),
        column("R or S", "nats per image; the squared error S for mse and log-mse", Numbers, |_, row| {
            Cell::Number(row.map(|r| r.recon))
        }),
        column("K", "nats per image", Numbers, |_, row| Cell::Number(row.map(|r| r.kl))),
        column("-ELBO", "R + K, for likelihoods", Numbers, |_, row| Cell::Number(row.and_then(|r| r.neg_elbo))),
        column("active", "latents that carry information", Numbers, |_, row| {
            Cell::Number(row.and_then(|r| r.active_units).map(f64::from))
        }),
    ]
}

pub(super) fn section(set: &RunSet) -> Markup {
    let outcomes: BTreeSet<Outcome> = set.runs.iter().map(Run::outcome).collect();
    let n = set.runs.len();
    let columns = columns();
    html! {
        section #runs aria-labelledby="runs-h" {
            h2 #runs-h { "Runs" }
            div.tools {
                label {
                    "Filter " input #filter type="search" placeholder="text, such as mean 784" autocomplete="off";
                }
                " "
                label {
                    "Outcome "
                    select #outcome {
                        option value="" { "all" }
                        @for outcome in outcomes {
                            option { (outcome.label()) }
                        }
                    }
                }
                " "
                span #count role="status" { (n) " of " (n) " runs" }
            }
            div.wide role="region" aria-labelledby="runs-caption" tabindex="0" {
                table #table {
                    caption #runs-caption { "The last epoch of every run, on the test images. Click a heading to sort." }
                    thead {
                        tr {
                            @for (heading, span) in GROUPS {
                                @if heading.is_empty() {
                                    td colspan=(span) {}
                                } @else {
                                    th scope="colgroup" colspan=(span) { (heading) }
                                }
                            }
                        }
                        tr {
                            @for column in &columns {
                                th class=[(column.sort == Sort::Numbers).then_some("n")] scope="col" aria-sort="none" {
                                    button type="button" title=(column.meaning) { (column.heading) }
                                }
                            }
                        }
                    }
                    tbody {
                        @for run in &set.runs {
                            tr data-outcome=(run.outcome().label()) {
                                @for (i, column) in columns.iter().enumerate() {
                                    (cell(i, (column.cell)(run, run.last())))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A cell; the first column holds the headings of the rows.
fn cell(column: usize, cell: Cell) -> Markup {
    html! {
        @match cell {
            Cell::Text(word) if column == 0 => { th scope="row" { (word) } }
            Cell::Text(word) => { td { (word) } }
            Cell::Number(Some(value)) => { td.n data-v=(format!("{value:e}")) { (significant(value)) } }
            Cell::Number(None) => { td.n {} }
        }
    }
}
