//! The provenance of the runs: shared settings, settings of their own, machines, and the commands that repeat them.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::records::Manifest;
use crate::report::run_set::{Run, RunSet, repeat_command};
use crate::text::shell_quote;

pub(super) fn section(set: &RunSet) -> Markup {
    let cells: Vec<Vec<(String, String)>> = set.runs.iter().map(|run| run.settings.cells()).collect();
    let first: &[(String, String)] = cells.first().map_or(&[], Vec::as_slice);
    let shared: BTreeSet<usize> =
        (0..first.len()).filter(|&i| cells.iter().all(|row| row[i].1 == first[i].1)).collect();
    html! {
        section #settings aria-labelledby="settings-h" {
            h2 #settings-h { "Settings and commands" }
            @if !first.is_empty() {
                details {
                    summary { @if set.runs.len() == 1 { "Settings" } @else { "Settings that all runs share" } }
                    dl { (settings(shared.iter().map(|&i| &first[i]))) }
                }
            }
            @for (run, cells) in set.runs.iter().zip(&cells) {
                details {
                    summary { (run.name) " " span.muted { (run.outcome().label()) } }
                    p { "Command that repeats the run:" }
                    pre tabindex="0" { (repeat_command(run)) }
                    dl {
                        (settings(cells.iter().enumerate().filter(|(i, _)| !shared.contains(i)).map(|(_, cell)| cell)))
                        @if let Some(manifest) = &run.manifest {
                            (facts(run, manifest))
                        }
                    }
                }
            }
        }
    }
}

/// Settings with a value, under the names of their flags.
fn settings<'a>(cells: impl Iterator<Item = &'a (String, String)>) -> Markup {
    html! {
        @for (column, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
            div { dt { "--" (column.replace('_', "-")) } dd { (cell) } }
        }
    }
}

/// Program, machine, times, command line and data of a run.
fn facts(run: &Run, m: &Manifest) -> Markup {
    let commit = m.versions.git_commit.as_ref().map_or_else(String::new, |c| format!(" ({c})"));
    let host = m.host.name.as_ref().map_or_else(String::new, |name| format!("{name}, "));
    let cpu = m.host.cpu.as_deref().unwrap_or(&m.host.arch);
    let typed: Vec<String> = m.argv.iter().map(|word| shell_quote(word)).collect();
    let mut facts = vec![
        ("program", format!("vae-bench {}{commit}, candle {}", m.versions.vae_bench, m.versions.candle)),
        (
            "machine",
            format!("{host}{} {cpu}, {} cores; {} threads on {}", m.host.os, m.host.cores, m.threads, m.device),
        ),
        ("started", m.started.clone()),
        ("ended", m.updated.clone()),
        ("as typed", typed.join(" ")),
        (
            "data",
            format!("{}, {} training and {} test images", m.data.name.name(), m.data.train_images, m.data.test_images),
        ),
    ];
    facts.extend(m.data.files.iter().map(|file| ("sha256", format!("{} {}", file.sha256, file.file))));
    facts.extend(run.dir.as_ref().map(|dir| ("directory", dir.path().display().to_string())));
    html! {
        @for (name, value) in facts {
            div { dt { (name) } dd { (value) } }
        }
    }
}
