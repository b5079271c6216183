//! The table of all runs, which can be sorted and filtered.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::findings::outcome;
use crate::metrics::EpochRecord;
use crate::report::study::{Run, Study, name_of, reduction_label};
use crate::text::significant;

/// How a column is sorted and aligned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Words,
    Numbers,
}

/// A column: its heading, what it means, and its cell.
struct Column {
    heading: &'static str,
    meaning: &'static str,
    sort: Sort,
    cell: fn(&Run, Option<&EpochRecord>) -> Cell,
}

enum Cell {
    Word(String),
    Number(Option<f64>),
}

/// Headings that columns share, and how many.
const GROUPS: [(&str, usize); 5] =
    [("", 2), ("What was asked", 6), ("What it weighs", 2), ("Objective ledger", 3), ("Canonical ledger", 4)];

fn columns() -> [Column; 17] {
    use Sort::{Numbers, Words};
    let column = |heading, meaning, sort, cell| Column { heading, meaning, sort, cell };
    [
        column("run", "name of the run", Words, |run, _| Cell::Word(run.name.clone())),
        column("outcome", "the program's verdict", Words, |run, _| Cell::Word(outcome(run).to_owned())),
        column("data", "data set, binarisation, pixel range, kind of R", Words, |run, _| {
            Cell::Word(run.comparable.clone())
        }),
        column("loss", "reconstruction loss", Words, |run, _| Cell::Word(name_of(run.settings.loss))),
        column("reduction", "of the reconstruction, and of the KL where it is unusual", Words, |run, _| {
            Cell::Word(reduction_label(&run.settings))
        }),
        column("beta", "as written", Numbers, |run, _| Cell::Number(run.settings.beta)),
        column("preset", "named convention", Words, |run, _| {
            Cell::Word(run.settings.preset.map_or_else(String::new, |p| p.to_string()))
        }),
        column("seed", "seed", Numbers, |run, _| Cell::Number(run.settings.seed.map(|s| s as f64))),
        column("effective beta", "b / a, of likelihoods", Numbers, |_, row| {
            Cell::Number(row.and_then(|r| r.beta_effective))
        }),
        column("beta·σ²", "b / (2a), of squared errors and Gaussians", Numbers, |_, row| {
            Cell::Number(row.and_then(|r| r.beta_sigma2))
        }),
        column("a·R", "as the optimiser saw it", Numbers, |_, row| Cell::Number(row.map(|r| r.recon_term))),
        column("b·K", "as the optimiser saw it", Numbers, |_, row| Cell::Number(row.map(|r| r.kl_term))),
        column("objective", "what was minimised", Numbers, |_, row| Cell::Number(row.map(|r| r.objective))),
        column("R or S", "nats per image; S, the squared error, for mse and log-mse", Numbers, |_, row| {
            Cell::Number(row.map(|r| r.recon))
        }),
        column("K", "nats per image", Numbers, |_, row| Cell::Number(row.map(|r| r.kl))),
        column("-ELBO", "R + K, where the loss is a likelihood", Numbers, |_, row| {
            Cell::Number(row.and_then(|r| r.neg_elbo))
        }),
        column("active", "latents that carry information", Numbers, |_, row| {
            Cell::Number(row.and_then(|r| r.active_units).map(f64::from))
        }),
    ]
}

pub(super) fn section(study: &Study) -> Markup {
    let outcomes: BTreeSet<&str> = study.runs.iter().map(outcome).collect();
    let n = study.runs.len();
    let columns = columns();
    html! {
        section #runs aria-labelledby="runs-h" {
            h2 #runs-h { "Runs" }
            div.tools {
                label {
                    "Filter " input #filter type="search" placeholder="words, such as mean 784" autocomplete="off";
                }
                " "
                label {
                    "Outcome "
                    select #outcome {
                        option value="" { "all" }
                        @for outcome in outcomes {
                            option { (outcome) }
                        }
                    }
                }
                " "
                span #count role="status" { (n) " of " (n) " runs" }
            }
            div.wide role="region" aria-labelledby="runs-caption" tabindex="0" {
                table #table {
                    caption #runs-caption { "The last epoch of every run, on the test images. A heading sorts." }
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
                        @for run in &study.runs {
                            tr data-outcome=(outcome(run)) {
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
            Cell::Word(word) if column == 0 => { th scope="row" { (word) } }
            Cell::Word(word) => { td { (word) } }
            Cell::Number(Some(value)) => { td.n data-v=(format!("{value:e}")) { (significant(value)) } }
            Cell::Number(None) => { td.n {} }
        }
    }
}
