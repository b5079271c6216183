//! How the runs came about: settings that they share, settings that differ, machines, and the commands that repeat them.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::words::outcome;
use crate::records::Manifest;
use crate::report::study::{Run, Study, repeat_command};
use crate::text::shell_quote;
use figure::escape::escape;

pub(super) fn section(out: &mut String, study: &Study) {
    out.push_str(
        "<section id=\"settings\" aria-labelledby=\"settings-h\"><h2 id=\"settings-h\">Settings and commands</h2>\n",
    );
    let cells: Vec<Vec<(String, String)>> = study.runs.iter().map(|run| run.settings.cells()).collect();
    let shared: BTreeSet<usize> =
        (0..cells.first().map_or(0, Vec::len)).filter(|&i| cells.iter().all(|row| row[i].1 == cells[0][i].1)).collect();
    let flag = |column: &str| format!("--{}", column.replace('_', "-"));
    if let Some(first) = cells.first() {
        let heading = if study.runs.len() == 1 { "Settings" } else { "Settings that all runs share" };
        let _ = write!(out, "<details><summary>{heading}</summary><dl>");
        for (column, cell) in shared.iter().map(|&i| &first[i]).filter(|(_, cell)| !cell.is_empty()) {
            let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", flag(column), escape(cell));
        }
        out.push_str("</dl></details>\n");
    }
    for (run, cells) in study.runs.iter().zip(&cells) {
        let _ = write!(
            out,
            "<details><summary>{} <span class=\"muted\">{}</span></summary>\n<p>To repeat it:</p><pre tabindex=\"0\">{}</pre><dl>",
            escape(&run.name),
            escape(outcome(run)),
            escape(&repeat_command(run))
        );
        let own = cells.iter().enumerate().filter(|(i, (_, cell))| !shared.contains(i) && !cell.is_empty());
        for (_, (column, cell)) in own {
            let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", flag(column), escape(cell));
        }
        if let Some(manifest) = &run.manifest {
            facts(out, run, manifest);
        }
        out.push_str("</dl></details>\n");
    }
    out.push_str("</section>\n");
}

fn facts(out: &mut String, run: &Run, m: &Manifest) {
    let commit = m.versions.git_commit.as_ref().map_or_else(String::new, |c| format!(" ({c})"));
    let host = m.host.name.as_deref().unwrap_or("unnamed");
    let cpu = m.host.cpu.as_deref().unwrap_or(&m.host.arch);
    let typed: Vec<String> = m.argv.iter().map(|word| shell_quote(word)).collect();
    let mut facts = vec![
        ("program", format!("vae-bench {}{commit}, candle {}", m.versions.vae_bench, m.versions.candle)),
        (
            "machine",
            format!("{host}, {} {cpu}, {} cores; {} threads on {}", m.host.os, m.host.cores, m.threads, m.device),
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
    for (name, value) in facts {
        let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value));
    }
}
