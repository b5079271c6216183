//! The table of all runs, which the script of the page sorts and filters; settings fold out below a row.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::configurations::verdict;
use super::numbers::{aligned, fixed};
use super::provenance;
use crate::metrics::EpochRecord;
use crate::model::ModelName;
use crate::report::run_set::{Outcome, Run, RunSet, name_of, name_of_group, reduction_label, varying};
use crate::terms::Term;

/// How the cells of a column are sorted and aligned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Text,
    /// Numbers with two decimals.
    Fixed,
    /// Numbers of any size.
    Any,
}

/// A column: the name by which it is filtered, its heading, its meaning (a tooltip) and its cells.
struct Column {
    name: String,
    heading: String,
    meaning: &'static str,
    sort: Sort,
    group: Group,
    cells: Vec<Cell>,
}

/// When a column is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Always,
    OnRequest,
}

enum Cell {
    Text(String),
    Number(Option<f64>),
}

/// A number of a row.
type Value = fn(&EpochRecord) -> Option<f64>;

/// Settings that are columns of their own, or no more than another way to write one.
const SHOWN: [&str; 6] = ["loss", "reduction", "kl_reduction", "beta", "recon_weight", "kl_weight"];
/// More settings than this would make the table too wide; the others are in the details of a row.
const MAX_VARYING: usize = 4;
/// The same where there are VAEs and VQ-VAEs.
const MAX_VARYING_OF_BOTH: usize = 1;

fn columns(set: &RunSet) -> Vec<Column> {
    let runs: Vec<&Run> = set.runs.iter().collect();
    let text = |name: &str, meaning, cell: &dyn Fn(&Run) -> String| Column {
        name: name.to_owned(),
        heading: name.to_owned(),
        meaning,
        sort: Sort::Text,
        group: Group::Always,
        cells: runs.iter().map(|run| Cell::Text(cell(run))).collect(),
    };
    let number = |name: &str, meaning, sort, cell: &dyn Fn(&Run, Option<&EpochRecord>) -> Option<f64>| Column {
        name: name.to_owned(),
        heading: name.to_owned(),
        meaning,
        sort,
        group: Group::Always,
        cells: runs.iter().map(|run| Cell::Number(cell(run, run.last()))).collect(),
    };
    let mut columns = vec![
        text("run", "name of the run; a click shows its settings", &|run| run.name.clone()),
        text("loss", "reconstruction loss", &|run| name_of(run.settings.loss)),
        text("reduction", "of the reconstruction, and of the KL where not the default", &|run| {
            reduction_label(&run.settings)
        }),
        number("beta", "beta as written", Sort::Any, &|run, _| run.settings.beta.map(f64::from)),
        number("effective beta", "b / a, for likelihoods", Sort::Any, &|_, row| row?.beta_effective),
        number("beta·σ²", "b / (2a), for squared errors and Gaussians", Sort::Any, &|_, row| row?.beta_sigma2),
        number("rho", "w_cm / a of a VQ-VAE: the one ratio that its encoder sees", Sort::Any, &|_, row| {
            row?.codes.commitment_ratio
        }),
        number(
            "R",
            "reconstruction in nats per image; the squared error S for mse and log-mse",
            Sort::Fixed,
            &|_, row| row.map(EpochRecord::recon),
        ),
        number("K", "KL in nats per image, of a VQ-VAE N ln K", Sort::Fixed, &|_, row| row.map(EpochRecord::kl)),
        number("−ELBO", "R + K, for likelihoods", Sort::Fixed, &|_, row| row?.neg_elbo),
        number("bits/dim", "−ELBO in bits per pixel, for masses of grey levels", Sort::Fixed, &|_, row| {
            row?.bits_per_dim
        }),
        number("active", "latents that vary with the image", Sort::Any, &|_, row| row?.active_units.map(f64::from)),
        number("C", "squared distance of an image's codes from their codebook entries", Sort::Fixed, &|_, row| {
            row?.code_distance()
        }),
        number("perplexity", "of the use of the codebook entries by all test images", Sort::Fixed, &|_, row| {
            row?.codes.perplexity
        }),
        number("entries used", "codebook entries that some test image uses", Sort::Any, &|_, row| {
            row?.codes.codes_used.map(f64::from)
        }),
    ];
    if runs.iter().all(|run| run.recon_unit().symbol() == "S") {
        columns.iter_mut().filter(|column| column.name == "R").for_each(|column| column.heading = "S".into());
    }
    columns.push(text("verdict", "the program's verdict", &|run| run.outcome().label().to_owned()));
    if runs.iter().any(|run| run.settings.preset.is_some()) {
        columns.push(text("preset", "named convention", &|run| {
            run.settings.preset.map_or_else(String::new, |p| p.to_string())
        }));
    }
    // Columns of both families leave less room.
    let has = |model: ModelName| runs.iter().any(|run| run.model() == model);
    let most = if has(ModelName::Vae) && has(ModelName::VqVae) { MAX_VARYING_OF_BOTH } else { MAX_VARYING };
    for column in varying(&runs).into_iter().filter(|column| !SHOWN.contains(&column.as_str())).take(most) {
        let name = column.replace('_', " ");
        let cell = |run: &Run| {
            let cells = run.settings.cells();
            cells.into_iter().find(|(other, _)| *other == column).map_or_else(String::new, |(_, cell)| cell)
        };
        let numeric = runs.iter().all(|run| cell(run).is_empty() || cell(run).parse::<f64>().is_ok());
        columns.push(if numeric {
            number(&name, "a setting", Sort::Any, &|run, _| cell(run).parse().ok())
        } else {
            text(&name, "a setting", &cell)
        });
    }
    if runs.iter().any(|run| run.settings.seed != runs[0].settings.seed) {
        columns.push(number("seed", "seed", Sort::Any, &|run, _| run.settings.seed.map(|s| s as f64)));
    }
    if set.groups().len() > 1 {
        columns.push(text("data", "data set and what R measures: R can be compared where both are the same", &|run| {
            name_of_group(&run.comparable)
        }));
    }
    let optimised: [(&str, Value); 5] = [
        ("a·R", |row| row.weighted(Term::Recon)),
        ("b·K", |row| row.weighted(Term::Kl)),
        ("w_cb·C", |row| row.weighted(Term::Codebook)),
        ("w_cm·C", |row| row.weighted(Term::Commitment)),
        ("objective", |row| Some(row.objective())),
    ];
    for (name, value) in optimised {
        let column = number(name, "as the optimiser saw it", Sort::Any, &|_, row| value(row?));
        columns.push(Column { group: Group::OnRequest, ..column });
    }
    columns.retain(|column| column.cells.iter().any(Cell::is_filled));
    columns
}

impl Cell {
    fn is_filled(&self) -> bool {
        match self {
            Cell::Text(text) => !text.is_empty(),
            Cell::Number(value) => value.is_some(),
        }
    }
}

pub(super) fn section(set: &RunSet, images: &[Markup]) -> Markup {
    let outcomes: BTreeSet<Outcome> = set.runs.iter().map(Run::outcome).collect();
    let n = set.runs.len();
    let columns = columns(set);
    let texts: Vec<Vec<String>> = columns.iter().map(texts).collect();
    let shared = provenance::shared(set);
    html! {
        section #runs aria-labelledby="runs-h" {
            h2 #runs-h { "Runs" }
            div.tools {
                label {
                    "Filter "
                    input #filter type="search" placeholder="effective beta = 784, reduction = mean" autocomplete="off"
                        aria-describedby="count";
                }
                label {
                    "Verdict "
                    select #outcome {
                        option value="" { "all" }
                        @for outcome in outcomes {
                            option { (outcome.label()) }
                        }
                    }
                }
                label { input #ledger type="checkbox"; " as optimised" }
                button #csv type="button" { "Download CSV" }
                span #count role="status" { (n) " of " (n) " runs" }
            }
            table #table {
                caption #runs-caption {
                    "The last epoch of every run, on the test images. Click a heading to sort, a run for its settings."
                }
                thead {
                    tr {
                        @for column in &columns {
                            th.n[column.sort != Sort::Text].ledger[column.group == Group::OnRequest] scope="col" aria-sort="none"
                                data-name=(column.name) {
                                button type="button" title=(column.meaning) { (column.heading) }
                            }
                        }
                    }
                }
                @for (i, run) in set.runs.iter().enumerate() {
                    tbody id=(anchor(&run.name)) data-outcome=(run.outcome().label()) {
                        tr.run {
                            @for (column, texts) in columns.iter().zip(&texts) { (cell(column, i, &texts[i], run)) }
                        }
                        tr.more hidden { td colspan=(columns.len()) {
                            (provenance::detail(run, &shared))
                            @if let Some(images) = images.get(i) { (images) }
                        } }
                    }
                }
            }
        }
    }
}

/// The name of a run as an identifier of the page.
pub(super) fn anchor(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' };
    format!("run-{}", name.chars().map(safe).collect::<String>())
}

fn texts(column: &Column) -> Vec<String> {
    let numbers: Vec<Option<f64>> = column
        .cells
        .iter()
        .map(|cell| match cell {
            Cell::Number(value) => *value,
            Cell::Text(_) => None,
        })
        .collect();
    match column.sort {
        Sort::Text => column
            .cells
            .iter()
            .map(|cell| match cell {
                Cell::Text(text) => text.clone(),
                Cell::Number(_) => String::new(),
            })
            .collect(),
        Sort::Fixed => numbers.iter().map(|value| value.map_or_else(String::new, fixed)).collect(),
        Sort::Any => aligned(&numbers),
    }
}

/// A cell; the first column holds the headings of the rows.
fn cell(column: &Column, i: usize, text: &str, run: &Run) -> Markup {
    let ledger = column.group == Group::OnRequest;
    html! {
        @match &column.cells[i] {
            Cell::Text(_) if column.name == "run" => {
                th scope="row" { button.open type="button" aria-expanded="false" { (text) } }
            }
            Cell::Text(_) if column.name == "verdict" => { td { (verdict(run.outcome())) } }
            Cell::Text(_) => { td { (text) } }
            Cell::Number(Some(value)) => { td.n.ledger[ledger] data-v=(value.to_string()) { (text) } }
            Cell::Number(None) => { td.n.ledger[ledger] {} }
        }
    }
}
