//! `vae-bench status`: how far the runs of sweeps are, and what came of them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::answers;
use super::list::{Listed, list, show};
use super::sweep_args::{ListFormat, StatusArgs};
use super::train::MNIST_PIXELS;
use super::usage::require_utf8;
use crate::error::{ExitCode, Result};
use crate::records::{Manifest, RunDir};
use crate::spec::{RunSpec, Settings};
use crate::sweep::{
    PlanLine, Planned, State, by_keys, find_runs, named_run, plans_in, read_results, run_name, varied_settings,
};
use crate::terminal::{print_verdicts, stdout_width, warn};

/// Lists the runs of all plans in a directory, and those that lie there besides; or the one run of a run directory.
pub(super) fn run(args: &StatusArgs) -> Result<ExitCode> {
    if args.format == ListFormat::Jsonl {
        require_utf8("DIR", &args.dir, "JSON")?;
    }
    let args = &StatusArgs { dir: named_run(&args.dir, Path::new("results/runs"))?, ..*args };
    let mut seen: HashSet<String> = HashSet::new();
    let mut runs: Vec<Planned> = Vec::new();
    let is_run = RunDir::new(&args.dir).manifest().is_file();
    let out = if is_run { holder_of(&args.dir) } else { args.dir.clone() };
    let plans = if is_run { Vec::new() } else { plans_in(&out)? };
    for PlanLine { run, settings } in plans.into_iter().flat_map(|plan| plan.runs) {
        if seen.insert(run.clone()) {
            runs.push(planned(run, settings, &out)?);
        }
    }
    for dir in find_runs(std::slice::from_ref(&args.dir))? {
        let name = run_name(dir.path());
        if seen.contains(&name) {
            continue;
        }
        match dir.settings().and_then(|settings| planned(name, settings, &out)) {
            Ok(run) => runs.push(run),
            Err(why) => warn(&format!("left out: {why}")),
        }
    }
    let mut states: Vec<Listed<'_>> =
        runs.iter().map(|run| (run, State::of(&RunDir::new(out.join(&run.id))))).collect();
    if args.format == ListFormat::Table {
        states = ordered(states);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    show(&list(&states, &out, args.format, cores), args.format);
    if args.format == ListFormat::Table {
        let dirs: Vec<PathBuf> = states.iter().map(|(run, _)| out.join(&run.id)).collect();
        let done = states.iter().zip(&dirs).filter(|((_, state), _)| *state == State::Done);
        let (results, _) = read_results(done.map(|(_, dir)| dir.as_path()));
        if let Some(table) = answers::configurations(&results, stdout_width()) {
            print_verdicts(&format!("\n{table}"));
        }
    }
    Ok(ExitCode::Done)
}

/// The runs by the settings in which they differ: numbers as numbers.
fn ordered(states: Vec<Listed<'_>>) -> Vec<Listed<'_>> {
    let mut all: Vec<_> = states.into_iter().map(|(run, state)| (run.facts(), (run, state))).collect();
    let keys = varied_settings(all.iter().map(|(facts, _)| facts));
    all.sort_by(|(a, _), (b, _)| by_keys(&keys, a, b));
    all.into_iter().map(|(_, listed)| listed).collect()
}

/// The directory that holds the run directory `run`.
fn holder_of(run: &Path) -> PathBuf {
    let named = run.file_name().and(run.parent());
    let parent = named.map(Path::to_path_buf).unwrap_or_else(|| run.join(".."));
    if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent }
}

/// The run `id` in `out`, with the size of its images where it has been begun; MNIST's before.
fn planned(id: String, settings: Settings, out: &Path) -> Result<Planned> {
    let spec = RunSpec::resolve(&settings)?;
    let begun = Manifest::read(&RunDir::new(out.join(&id)).manifest());
    let pixels = begun.map_or(MNIST_PIXELS, |manifest| manifest.data.pixels);
    Ok(Planned { id, settings, spec, pixels })
}
