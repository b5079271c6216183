//! `vae-bench sweep`: plans many runs, and does or lists them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use serde_json::json;

use super::answers;
use super::json::print_object;
use super::list::{Listed, list, runs, show, will_run};
use super::running_args::recorded_argv;
use super::setting_args::{Layers, SettingArgs};
use super::signals::stop_on_signals;
use super::sweep_args::{ListFormat, SweepArgs, SweptArgs};
use super::sweep_display;
use super::threads::pool;
use super::usage::{require_utf8, usage_error};
use super::variables;
use crate::data::places;
use crate::error::{Error, ExitCode, Result};
use crate::files::Disk;
use crate::records::RunDir;
use crate::report::Table;
use crate::run::{FinishedCheckpoint, check_side_by_side, remove_stale_lock};
use crate::spec::{Settings, cell_text};
use crate::sweep::{
    DatasetCache, Definition, OnFailure, Overrides, Plan, Planned, RunOutcome, Runner, State, read_results,
};
use crate::terminal::{print, print_text, print_verdicts, say, say_lines, stdout_width, warn};
use crate::text::shell_quote;

/// Plans the sweep, and does it or lists it.
pub(super) fn sweep(args: &SweepArgs) -> Result<ExitCode> {
    if args.running.json || args.format == Some(ListFormat::Jsonl) {
        require_utf8("--out", &args.running.out, "JSON")?;
    }
    let (definition, overrides) = define(args)?;
    let file = args.file.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy());
    let datasets = DatasetCache::default();
    let readers = pool(None)?;
    let plan = readers.install(|| Plan::make(file.as_deref(), &definition, &overrides, &datasets))?;
    if let Some(warning) = datasets.take_warnings().first() {
        let why = warning.rsplit_once("why: ").map_or(warning.as_str(), |(_, why)| why);
        return Err(Error::Data(format!(
            "a sweep does not take other digits for MNIST, which is not available ({}); name its directory with --data-dir, \
             run `vae-bench data fetch`, or ask for the built-in digits with --data synthetic",
            why.replace('\n', " ")
        )));
    }
    for note in &plan.notes {
        warn(note);
    }
    let runs = chosen(args, &plan)?;
    let (jobs, _) = jobs_and_threads(args);
    let states: Vec<Listed<'_>> =
        runs.iter().map(|run| (*run, State::of(&RunDir::new(args.running.out.join(&run.id))))).collect();
    if args.dry_run || args.format.is_some() {
        let format = args.format.unwrap_or(ListFormat::Table);
        show(&list(&states, &args.running.out, format, jobs), format);
        return Ok(ExitCode::Done);
    }
    work(args, &plan, states, &datasets, &readers)
}

/// The sweep that was typed: file, axes, flags, variables.
fn define(args: &SweepArgs) -> Result<(Definition, Overrides)> {
    let typed = all_settings(args)?;
    let Layers { flags, variables, .. } = typed.layers()?;
    let overrides = Overrides { flags, variables };
    for dir in [&overrides.flags.data_dir, &overrides.variables.data_dir].into_iter().flatten() {
        require_utf8("--data-dir", dir, "config.toml")?;
    }
    let mut definition = args.file.as_deref().map(Definition::read).transpose()?.unwrap_or_default();
    if let Some(config) = typed.config {
        definition.set_base(Settings::read(&config)?)?;
    }
    let flags = overrides.flags.given();
    let seeds = args.seeds.as_ref().map(|seeds| format!("seed={seeds}"));
    for axis in args.grid.iter().chain(&seeds) {
        definition.add_typed(axis)?;
        let key = axis.split('=').next().unwrap_or_default().trim();
        if let Some(value) = flags.get(key) {
            return Err(Error::Usage(format!(
                "--grid {axis} and --{key} {} contradict each other; drop one of the two",
                cell_text(value, ",")
            )));
        }
    }
    Ok((definition, overrides))
}

/// The settings before and after the `--`.
fn all_settings(args: &SweepArgs) -> Result<SettingArgs> {
    if args.after.is_empty() {
        return Ok(args.settings.clone());
    }
    let swept = SweptArgs::command();
    let SweptArgs { settings: after } = variables::parse(swept.clone(), &args.after).map_err(|e| {
        let why = usage_error(&e, "vae-bench", &swept);
        Error::Usage(format!("after --: {why}; --out, --jobs and other flags of the sweep itself go before it"))
    })?;
    let before = &args.settings;
    let (first, second) = (before.given.given(), after.given.given());
    if let Some((key, value)) = first.iter().find(|(key, value)| second.get(*key).is_some_and(|other| other != *value))
    {
        let other = second.get(key).map_or_else(String::new, |other| cell_text(other, ","));
        return Err(Error::Usage(format!(
            "--{key} {} and, after --, --{key} {other} contradict each other; drop one of the two",
            cell_text(value, ",")
        )));
    }
    Ok(SettingArgs { given: before.given.clone().or(after.given), config: before.config.clone().or(after.config) })
}

/// The runs that --filter, --only and --shard leave.
fn chosen<'a>(args: &SweepArgs, plan: &'a Plan) -> Result<Vec<&'a Planned>> {
    let known: HashSet<&str> = plan.runs.iter().map(|run| run.id.as_str()).collect();
    if let Some(result) = args.filter.iter().find_map(|filter| filter.result()) {
        return Err(Error::Usage(format!(
            "--filter {result}: is a result, and a sweep is chosen by its settings; `vae-bench ls --filter` knows results"
        )));
    }
    if let Some(unknown) = args.only.iter().find(|id| !known.contains(id.as_str())) {
        return Err(Error::Usage(format!("--only {unknown}: no run of this sweep; `--format ids` lists them")));
    }
    let mut runs: Vec<&Planned> = plan.runs.iter().collect();
    if !args.filter.is_empty() {
        runs.retain(|run| {
            let facts = run.facts();
            args.filter.iter().all(|filter| filter.matches(&facts))
        });
        if runs.is_empty() {
            return Err(Error::Usage(format!("--filter: none of the {} runs of this sweep is meant", plan.runs.len())));
        }
    }
    if !args.only.is_empty() {
        let wanted: HashSet<&String> = args.only.iter().collect();
        runs.retain(|run| wanted.contains(&run.id));
    }
    if let Some(choice) = args.shard {
        let shard = choice.resolve(|name| std::env::var(name).ok())?;
        let mut position = 0..;
        runs.retain(|_| position.next().is_some_and(|i| shard.has(i)));
    }
    Ok(runs)
}

/// Runs side by side, and threads of each.
fn jobs_and_threads(args: &SweepArgs) -> (usize, usize) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match (args.jobs, args.running.threads) {
        (Some(jobs), Some(threads)) => (jobs, threads),
        (Some(jobs), None) => (jobs, (cores / jobs).max(1)),
        (None, Some(threads)) => ((cores / threads).max(1), threads),
        (None, None) => (cores, 1),
    }
}

fn work(
    args: &SweepArgs,
    plan: &Plan,
    states: Vec<Listed<'_>>,
    datasets: &DatasetCache,
    readers: &rayon::ThreadPool,
) -> Result<ExitCode> {
    let (jobs, threads) = jobs_and_threads(args);
    let all = states.len();
    let mut failed: Vec<(String, String)> = Vec::new();
    let mut left: Vec<&Planned> = Vec::new();
    for (run, state) in &states {
        if let State::Done | State::Diverged(_) = state {
            remove_stale_lock(&RunDir::new(args.running.out.join(&run.id)));
        }
        match state {
            State::Diverged(why) => failed.push((run.id.clone(), why.clone())),
            state if will_run(state) => left.push(run),
            _ => {}
        }
    }
    let before = all - left.len() - failed.len();
    let sizes = left.iter().map(|run| {
        let images = run.spec.data().train_size.unwrap_or(usize::MAX);
        (run.spec.architecture(run.pixels), run.spec.training(), images)
    });
    check_side_by_side(sizes, jobs)?;
    let device = args.running.device.open()?;
    let stop = stop_on_signals()?;
    let disk = Disk::default();
    plan.write(&disk, &args.running.out)?;

    let runner = Runner {
        datasets,
        readers,
        disk: &disk,
        out: &args.running.out,
        device: &device,
        device_name: &args.running.device.to_string(),
        host: &args.running.host(),
        argv: &recorded_argv(),
        jobs,
        threads,
        checkpoint: if args.keep_checkpoints { FinishedCheckpoint::Keep } else { FinishedCheckpoint::Drop },
        on_failure: if args.fail_fast { OnFailure::Stop } else { OnFailure::GoOn },
    };
    let style = args.running.style();
    let outcomes = {
        let watcher = sweep_display::watcher(style, &left, jobs);
        runner.work(&left, &*watcher, &stop)?
    };
    let (mut done, mut data_failed) = (0, false);
    for (run, outcome) in outcomes {
        match outcome {
            RunOutcome::Done(finished) => {
                done += 1;
                args.running.label(&finished.dir)?;
                if let Some(dir) = &run.settings.data_dir {
                    places::remember(&finished.record.manifest.data.files, dir);
                }
            }
            RunOutcome::Failed(why) => failed.push((run.id.clone(), why)),
            RunOutcome::DataFailed(why) => {
                data_failed = true;
                failed.push((run.id.clone(), format!("{why} (as every run of this data)")));
            }
            RunOutcome::Saved => {}
        }
    }
    for (run, state) in &states {
        if *state == State::Done {
            args.running.label(&RunDir::new(args.running.out.join(&run.id)))?;
        }
    }
    let open = all - before - done - failed.len();
    conclude(args, plan, &states, &Count { all, before, done, open }, &failed);
    Ok(match (failed.is_empty(), open) {
        _ if data_failed => ExitCode::Data,
        (false, 0) => ExitCode::RunFailed,
        (false, _) if args.fail_fast => ExitCode::RunFailed,
        (_, 1..) => ExitCode::Interrupted,
        (true, 0) => ExitCode::Done,
    })
}

struct Count {
    all: usize,
    before: usize,
    done: usize,
    open: usize,
}

/// Prints the end of a sweep: failures, and where the records are.
fn conclude(args: &SweepArgs, plan: &Plan, states: &[Listed<'_>], count: &Count, failed: &[(String, String)]) {
    let Count { all, before, done, open } = count;
    if !failed.is_empty() {
        let mut table = Table::new(["failed", "why"]).left(&[0, 1]);
        failed.iter().for_each(|(run, why)| table.row([run.as_str(), why.as_str()]));
        say_lines(&table.to_string());
    }
    if *open > 0 {
        say(&format!("stopped with {} open; the same command goes on with them", runs(*open)));
    }
    if args.running.json {
        let failures: Vec<_> = failed.iter().map(|(run, why)| json!({ "run": run, "reason": why })).collect();
        let line = json!({
            "name": plan.name, "runs": all, "done_before": before, "done_now": done, "failed": failures, "open": open,
            "dir": args.running.out,
        });
        print_object("sweep", line);
        return;
    }
    let dirs: Vec<PathBuf> = states.iter().map(|(run, _)| args.running.out.join(&run.id)).collect();
    let begun = dirs.iter().map(PathBuf::as_path).filter(|dir| RunDir::new(*dir).manifest().is_file());
    let (results, _) = read_results(begun);
    if let Some(table) = answers::configurations(&results, stdout_width()) {
        print_verdicts(&table);
        print(b"\n");
    }
    let out = args.running.out.display().to_string();
    let mut parts = vec![format!("{done} done now"), format!("{before} done before")];
    parts.extend((!failed.is_empty()).then(|| format!("{} failed", failed.len())));
    parts.extend((*open > 0).then(|| format!("{open} open")));
    print_text(&format!(
        "sweep    {}, {all} of {}: {}\nrecords  {out}\ntable    vae-bench merge {} --out table.csv\n",
        plan.name,
        runs(plan.runs.len()),
        parts.join(", "),
        shell_quote(&out)
    ));
}
