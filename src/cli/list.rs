//! Runs and their states as a table, as JSON lines, as commands or as names.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::json::object;
use super::sweep_args::ListFormat;
use crate::records::RunDir;
use crate::report::Table;
use crate::spec::{cell_text, varied as varied_settings};
use crate::sweep::{EpochTimes, Planned, State, epochs_done, rough};
use crate::terminal::{print, print_verdicts, stdout_width};
use crate::text::shell_quote;

/// A run to be listed.
pub(super) type Listed<'a> = (&'a Planned, State);

/// `runs`, which live in `out`, in this format; `jobs` of them run side by side.
pub(super) fn list(runs: &[Listed<'_>], out: &Path, format: ListFormat, jobs: usize) -> String {
    match format {
        ListFormat::Ids => runs.iter().map(|(run, _)| format!("{}\n", run.id)).collect(),
        ListFormat::Commands => runs.iter().map(|(run, _)| command(run, out)).collect(),
        ListFormat::Jsonl => {
            let times = epoch_times(runs, out);
            runs.iter().map(|(run, state)| json_line(run, state, &times, out)).collect()
        }
        ListFormat::Table => table(runs, out, jobs),
    }
}

fn table(runs: &[Listed<'_>], out: &Path, jobs: usize) -> String {
    let times = epoch_times(runs, out);
    let varied = varied(runs);
    let header = ["state", "done"].into_iter().chain(varied.iter().map(String::as_str)).chain(["run"]);
    let mut table = Table::new(header).left(&[0, 2 + varied.len()]).optional(&[2 + varied.len()]);
    for (run, state) in runs {
        let facts = run.facts();
        let epochs = run.spec.training().epochs;
        let done = match state {
            State::Done => epochs,
            State::Pending => 0,
            _ => epochs_done(&RunDir::new(out.join(&run.id))),
        };
        let cells = varied.iter().map(|key| facts.get(key).map_or_else(String::new, |value| cell_text(value, ",")));
        let first = [state.word().to_owned(), format!("{done}/{epochs}")].into_iter();
        table.row(first.chain(cells).chain([run.id.clone()]));
    }
    let mut text = table.fit(stdout_width());
    for (run, state) in runs {
        if let Some(reason) = state.reason() {
            text.push_str(&format!("{:<8} {}: {reason}\n", state.word(), run.id));
        }
    }
    let left: Vec<&Planned> = runs.iter().filter(|(_, state)| will_run(state)).map(|(run, _)| *run).collect();
    let estimate = times.estimate(&left, out, jobs);
    let time = match estimate.left {
        Some(time) if !left.is_empty() => format!("about {} at --jobs {jobs}, ", rough(time)),
        _ => String::new(),
    };
    text.push_str(&format!("\n{}\ntime left  {time}{}\n", count(runs), estimate.basis));
    text
}

/// Whether a sweep would take this run up, or wait for it.
pub(super) fn will_run(state: &State) -> bool {
    !matches!(state, State::Done | State::Diverged(_))
}

/// "24 runs: 3 done, 1 failed, 20 pending".
fn count(runs: &[Listed<'_>]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, state) in runs {
        *counts.entry(state.word()).or_default() += 1;
    }
    let order = ["done", "diverged", "failed", "running", "unfinished", "pending"];
    let parts = order.iter().filter_map(|word| counts.get(word).map(|n| format!("{n} {word}")));
    format!("{}: {}", self::runs(runs.len()), parts.collect::<Vec<_>>().join(", "))
}

/// "1 run", "24 runs".
pub(super) fn runs(count: usize) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

/// The recorded times of the runs that were begun.
fn epoch_times(runs: &[Listed<'_>], out: &Path) -> EpochTimes {
    EpochTimes::read(runs.iter().filter(|(_, state)| *state != State::Pending).map(|(run, _)| *run), out)
}

/// The settings that were not given the same for all, in the flags' order.
fn varied(runs: &[Listed<'_>]) -> Vec<String> {
    varied_settings(&runs.iter().map(|(run, _)| run.settings.clone()).collect::<Vec<_>>())
}

fn json_line(run: &Planned, state: &State, times: &EpochTimes, out: &Path) -> String {
    let dir = RunDir::new(out.join(&run.id));
    let epochs = run.spec.training().epochs;
    let done = if *state == State::Done { epochs } else { epochs_done(&dir) };
    let left = if will_run(state) { times.left(run, out) } else { Some(0.0) };
    let line = object(
        "planned-run",
        json!({
            "run": run.id,
            "state": state.word(),
            "reason": state.reason(),
            "epochs_done": done,
            "epochs": epochs,
            "seconds_left": left,
            "dir": dir.path(),
            "settings": run.facts(),
        }),
    );
    format!("{line}\n")
}

/// Prints a list of runs; what programs read is left as it is, to the byte.
pub(super) fn show(text: &str, format: ListFormat) {
    match format {
        ListFormat::Table => print_verdicts(text),
        ListFormat::Jsonl | ListFormat::Commands | ListFormat::Ids => print(text),
    }
}

/// The command that does this run alone.
fn command(run: &Planned, out: &Path) -> String {
    let mut words = vec!["vae-bench".to_owned()];
    for (key, value) in run.settings.given() {
        let text = cell_text(&value, ",");
        if text.is_empty() || text.starts_with('-') {
            words.push(shell_quote(&format!("--{key}={text}")));
        } else {
            words.extend([format!("--{key}"), shell_quote(&text)]);
        }
    }
    words.extend(["--out".to_owned(), shell_quote(&out.display().to_string())]);
    words.join(" ") + "\n"
}
