//! `vae-bench sweep` and `vae-bench status`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::display::Style;
use super::list::{Listed, list, runs, will_run};
use super::signals::stop_on_signals;
use super::sweep_args::{ListFormat, StatusArgs, SweepArgs, SweptArgs};
use super::sweep_display;
use super::threads::pool;
use super::train::MNIST_PIXELS;
use super::usage::{require_utf8, usage_error};
use super::variables;
use crate::error::{Error, ExitCode, Result};
use crate::files::Disk;
use crate::records::{Manifest, RunDir};
use crate::report::Table;
use crate::run::{check_side_by_side, remove_stale_lock};
use crate::spec::{RunSpec, Settings};
use crate::sweep::{
    DatasetCache, Definition, OnFailure, Overrides, Plan, PlanLine, Planned, RunOutcome, Runner, State, find_runs,
    plans_in, run_name,
};
use crate::terminal::{banner, print, print_text, say, say_lines, warn};
use crate::text::shell_quote;

/// Plans the sweep, and does it or lists it.
pub(super) fn sweep(args: &SweepArgs) -> Result<ExitCode> {
    if args.json || args.format == Some(ListFormat::Jsonl) {
        require_utf8("--out", &args.out, "JSON")?;
    }
    let (definition, overrides) = define(args)?;
    let file = args.file.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy());
    let datasets = DatasetCache::default();
    let readers = pool(None)?;
    let plan = readers.install(|| Plan::make(file.as_deref(), &definition, &overrides, &datasets))?;
    for warning in datasets.take_warnings() {
        banner(&warning);
    }
    for note in &plan.notes {
        warn(note);
    }
    let runs = chosen(args, &plan)?;
    let (jobs, _) = jobs_and_threads(args);
    let states: Vec<Listed<'_>> =
        runs.iter().map(|run| (*run, State::of(&RunDir::new(args.out.join(&run.id))))).collect();
    if args.dry_run || args.format.is_some() {
        let format = args.format.unwrap_or(ListFormat::Table);
        show(&list(&states, &args.out, format, jobs), format);
        return Ok(ExitCode::Done);
    }
    work(args, &plan, states, &datasets, &readers)
}

/// The sweep that was typed: file, axes, flags, variables.
fn define(args: &SweepArgs) -> Result<(Definition, Overrides)> {
    let typed = SweptArgs::parse_words(&args.run)?;
    let variables = Settings::from_variables(&typed.settings, |name| std::env::var_os(name))?;
    let overrides = Overrides { flags: typed.settings, variables };
    for dir in [&overrides.flags.data_dir, &overrides.variables.data_dir].into_iter().flatten() {
        require_utf8("--data-dir", dir, "config.toml")?;
    }
    let mut definition = args.file.as_deref().map(Definition::read).transpose()?.unwrap_or_default();
    if let Some(config) = typed.config {
        definition.set_base(Settings::read(&config)?)?;
    }
    let flags = overrides.flags.given();
    for axis in &args.grid {
        definition.add_typed(axis)?;
        let key = axis.split('=').next().unwrap_or_default().trim();
        if let Some(value) = flags.get(key) {
            return Err(Error::Usage(format!(
                "--grid {axis} and --{key} {value} contradict each other; drop one of the two"
            )));
        }
    }
    Ok((definition, overrides))
}

impl SweptArgs {
    fn parse_words(words: &[std::ffi::OsString]) -> Result<Self> {
        variables::parse(words).map_err(|e| {
            Error::Usage(format!(
                "after --: {}; there stand the settings of runs, and --out, --jobs, --threads, --device, --quiet and \
                 --json before it",
                usage_error(e)
            ))
        })
    }
}

/// The runs that --filter, --only and --shard leave.
fn chosen<'a>(args: &SweepArgs, plan: &'a Plan) -> Result<Vec<&'a Planned>> {
    let known: HashSet<&str> = plan.runs.iter().map(|run| run.id.as_str()).collect();
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
    match (args.jobs, args.threads) {
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
            remove_stale_lock(&RunDir::new(args.out.join(&run.id)));
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
    let device = args.device.open()?;
    let stop = stop_on_signals()?;
    let disk = Disk::default();
    plan.write(&disk, &args.out)?;

    let runner = Runner {
        datasets,
        readers,
        disk: &disk,
        out: &args.out,
        device: &device,
        device_name: &args.device.to_string(),
        argv: &std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>(),
        jobs,
        threads,
        on_failure: if args.fail_fast { OnFailure::Stop } else { OnFailure::GoOn },
    };
    let style = match (args.quiet, args.json) {
        (true, _) => Style::Quiet,
        (_, true) => Style::Json,
        _ => Style::Auto,
    };
    let outcomes = {
        let watcher = sweep_display::watcher(style, &left, jobs);
        runner.work(&left, &*watcher, &stop)?
    };
    let (mut done, mut data_failed) = (0, false);
    for (run, outcome) in outcomes {
        match outcome {
            RunOutcome::Done(_) => done += 1,
            RunOutcome::Failed(why) => failed.push((run.id.clone(), why)),
            RunOutcome::DataFailed(why) => {
                data_failed = true;
                failed.push((run.id.clone(), format!("{why} (as every run of this data)")));
            }
            RunOutcome::Saved => {}
        }
    }
    let open = all - before - done - failed.len();
    conclude(args, plan, &Count { all, before, done, open }, &failed);
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
fn conclude(args: &SweepArgs, plan: &Plan, count: &Count, failed: &[(String, String)]) {
    let Count { all, before, done, open } = count;
    if !failed.is_empty() {
        let mut table = Table::new(["failed", "why"]).left(&[0, 1]);
        failed.iter().for_each(|(run, why)| table.row([run.as_str(), why.as_str()]));
        say_lines(&table.to_string());
    }
    if *open > 0 {
        say(&format!("stopped with {} open; the same command goes on with them", runs(*open)));
    }
    if args.json {
        let failures: Vec<_> = failed.iter().map(|(run, why)| json!({ "run": run, "reason": why })).collect();
        let line = json!({
            "sweep": plan.name, "runs": all, "done_before": before, "done_now": done, "failed": failures, "open": open,
            "dir": args.out,
        });
        print(format!("{line}\n"));
        return;
    }
    let out = args.out.display().to_string();
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

/// Lists the runs of all plans in a directory, and those that lie there besides; or the one run of a run directory.
pub(super) fn status(args: &StatusArgs) -> Result<ExitCode> {
    if args.format == ListFormat::Jsonl {
        require_utf8("DIR", &args.dir, "JSON")?;
    }
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
    let states: Vec<Listed<'_>> = runs.iter().map(|run| (run, State::of(&RunDir::new(out.join(&run.id))))).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    show(&list(&states, &out, args.format, cores), args.format);
    Ok(ExitCode::Done)
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

/// Prints a list of runs; what programs read is left as it is, to the byte.
fn show(text: &str, format: ListFormat) {
    match format {
        ListFormat::Table => print_text(text),
        ListFormat::Jsonl | ListFormat::Commands | ListFormat::Ids => print(text),
    }
}
