//! The table of all runs, which can be sorted and filtered.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::words::outcome;
use crate::metrics::EpochRecord;
use crate::report::study::{Run, Study, name_of, reduction_label};
use crate::terms::Term;
use crate::text::significant;
use figure::escape::escape;

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
        column("beta", "as written", Numbers, |run, _| Cell::Number(run.settings.beta.map(f64::from))),
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
        column("a·R", "as the optimiser saw it", Numbers, |_, row| {
            Cell::Number(row.map(|r| r.weighted(Term::Recon).unwrap_or(f64::NAN)))
        }),
        column("b·K", "as the optimiser saw it", Numbers, |_, row| {
            Cell::Number(row.map(|r| r.weighted(Term::Kl).unwrap_or(f64::NAN)))
        }),
        column("objective", "what was minimised", Numbers, |_, row| Cell::Number(row.map(|r| r.objective()))),
        column("R or S", "nats per image; S, the squared error, for mse and log-mse", Numbers, |_, row| {
            Cell::Number(row.map(|r| r.recon()))
        }),
        column("K", "nats per image", Numbers, |_, row| Cell::Number(row.map(|r| r.kl()))),
        column("-ELBO", "R + K, where the loss is a likelihood", Numbers, |_, row| {
            Cell::Number(row.and_then(|r| r.neg_elbo))
        }),
        column("active", "latents that carry information", Numbers, |_, row| {
            Cell::Number(row.and_then(|r| r.active_units).map(f64::from))
        }),
    ]
}

pub(super) fn section(out: &mut String, study: &Study) {
    out.push_str("<section id=\"runs\" aria-labelledby=\"runs-h\"><h2 id=\"runs-h\">Runs</h2>\n<div class=\"tools\">");
    out.push_str("<label>Filter <input id=\"filter\" type=\"search\" placeholder=\"words, such as mean 784\" autocomplete=\"off\"></label>");
    out.push_str(" <label>Outcome <select id=\"outcome\"><option value=\"\">all</option>");
    let outcomes: BTreeSet<&str> = study.runs.iter().map(outcome).collect();
    for outcome in outcomes {
        let _ = write!(out, "<option>{}</option>", escape(outcome));
    }
    let n = study.runs.len();
    let _ = writeln!(out, "</select></label> <span id=\"count\" role=\"status\">{n} of {n} runs</span></div>");
    out.push_str(
        "<div class=\"wide\" role=\"region\" aria-labelledby=\"runs-caption\" tabindex=\"0\"><table id=\"table\"><caption \
         id=\"runs-caption\">The last epoch of every run, on the test images. A heading sorts.</caption>\n<thead><tr>",
    );
    for (heading, span) in GROUPS {
        if heading.is_empty() {
            let _ = write!(out, "<td colspan=\"{span}\"></td>");
        } else {
            let _ = write!(out, "<th scope=\"colgroup\" colspan=\"{span}\">{heading}</th>");
        }
    }
    out.push_str("</tr>\n<tr>");
    let columns = columns();
    for column in &columns {
        let class = if column.sort == Sort::Numbers { " class=\"n\"" } else { "" };
        let _ = write!(
            out,
            "<th scope=\"col\"{class} aria-sort=\"none\"><button type=\"button\" title=\"{}\">{}</button></th>",
            column.meaning, column.heading
        );
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for run in &study.runs {
        let _ = write!(out, "<tr data-outcome=\"{}\">", escape(outcome(run)));
        for (i, column) in columns.iter().enumerate() {
            match (column.cell)(run, run.last()) {
                Cell::Word(word) if i == 0 => {
                    let _ = write!(out, "<th scope=\"row\">{}</th>", escape(&word));
                }
                Cell::Word(word) => {
                    let _ = write!(out, "<td>{}</td>", escape(&word));
                }
                Cell::Number(Some(value)) => {
                    let _ = write!(out, "<td class=\"n\" data-v=\"{value:e}\">{}</td>", significant(value));
                }
                Cell::Number(None) => out.push_str("<td class=\"n\"></td>"),
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n</section>\n");
}
