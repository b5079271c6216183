//! The provenance of the runs: shared settings, settings of their own, machines, and the commands that repeat them.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::records::Manifest;
use crate::report::run_set::{Run, RunSet, repeat_command};
use crate::text::shell_quote;

/// The settings that all runs share.
pub(super) fn section(set: &RunSet) -> Markup {
    let shared = shared(set);
    let cells = set.runs.first().map(|run| run.settings.cells()).unwrap_or_default();
    html! {
        section #settings aria-labelledby="settings-h" {
            h2 #settings-h { @if set.runs.len() == 1 { "Settings" } @else { "Settings that all runs share" } }
            dl { (settings(cells.iter().filter(|(column, _)| shared.contains(column)))) }
        }
    }
}

/// The columns of the settings that are the same in all runs.
pub(super) fn shared(set: &RunSet) -> BTreeSet<String> {
    let mut runs = set.runs.iter().map(|run| run.settings.cells());
    let mut shared: Vec<(String, String)> = runs.next().unwrap_or_default();
    for cells in runs {
        shared.retain(|cell| cells.contains(cell));
    }
    shared.into_iter().map(|(column, _)| column).collect()
}

/// The command that repeats a run, its own settings, and where and when the run was made.
pub(super) fn detail(run: &Run, shared: &BTreeSet<String>) -> Markup {
    let cells = run.settings.cells();
    html! {
        p { "This command repeats the run; " a href=(format!("#{}", super::runs::anchor(&run.name))) { "link to this row" } ":" }
        pre tabindex="0" { (repeat_command(run)) }
        dl {
            (settings(cells.iter().filter(|(column, _)| !shared.contains(column))))
            @if let Some(manifest) = &run.manifest {
                (facts(run, manifest))
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
