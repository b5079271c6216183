//! From what was typed to what happens, and from what happened to the terminal.

mod args;
mod data;
mod display;
mod eval;
mod explain;
mod export;
mod list;
mod looks;
mod progress;
mod run_args;
mod sweep;
mod sweep_args;
mod sweep_display;
mod trained;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory, Parser};

use args::{Cli, Command, MergeArgs};
use display::Style;
use run_args::RunArgs;
use trained::Subject;

use crate::data::{Loaded, load};
use crate::device::DeviceChoice;
use crate::engine::Engine;
use crate::error::{Error, ExitCode, Result};
use crate::files::write_atomically;
use crate::report::{Trend, json_summary, run_summary};
use crate::run::{Effort, Ending, Existing, Finished, Job, check_memory, execute};
use crate::spec::{RunSpec, Settings};
use crate::sweep::{Merged, Rows, find_runs, merge, missing};
use kernels::pages;

/// Pixels of an MNIST image: what memory is judged by before any data is read.
const MNIST_PIXELS: usize = 784;

/// Does what the command line says.
///
/// # Errors
/// Anything that keeps it from being done, with its exit code.
pub fn main() -> Result<ExitCode> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return Err(Error::Usage(one_line(&error))),
        Err(help) => {
            let _ = help.print();
            return Ok(ExitCode::Done);
        }
    };
    pages::prefer_large();
    match cli.command {
        None => run(&cli.run),
        Some(Command::Explain(args)) => explain::explain(&args),
        Some(Command::Presets(args)) => explain::presets(&args),
        Some(Command::Eval(args)) => eval::eval(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Sweep(args)) => sweep::sweep(&args),
        Some(Command::Status(args)) => sweep::status(&args),
        Some(Command::Merge(args)) => merge_runs(&args),
        Some(Command::Plot(args)) => looks::plot(&args),
        Some(Command::Report(args)) => looks::report(&args),
        Some(Command::Data { action }) => data::act(&action),
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "vae-bench", &mut std::io::stdout());
            Ok(ExitCode::Done)
        }
        Some(Command::Man) => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(|e| Error::Run(format!("the manual page cannot be made ({e})")))?;
            print(&page);
            Ok(ExitCode::Done)
        }
    }
}

/// Clap's error in one line: what is wrong, what is possible, and where help is.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let mut parts: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .collect();
    let first = parts.first().map_or("", |line| line.trim_start_matches("error: "));
    if let Some(part) = parts.first_mut() {
        *part = first;
    }
    parts.push("see `vae-bench --help`");
    parts.join("; ")
}

/// Results go to stdout; a reader that has gone away is no error of ours.
fn print(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

fn merge_runs(args: &MergeArgs) -> Result<ExitCode> {
    let rows = match (args.mean, args.only_final) {
        (true, _) => Rows::Mean,
        (false, true) => Rows::Final,
        (false, false) => Rows::All,
    };
    let runs = find_runs(&args.runs)?;
    let Merged { table, notes } = merge(&runs, rows)?;
    for note in missing(&args.runs, &runs)?.iter().chain(&notes) {
        eprintln!("warning: {note}");
    }
    match &args.out {
        None => print(&table),
        Some(path) => {
            write_atomically(path, &table)?;
            let lines = table.iter().filter(|&&b| b == b'\n').count();
            print(format!("{}: {} rows\n", path.display(), lines.saturating_sub(1)).as_bytes());
        }
    }
    Ok(ExitCode::Done)
}

/// Flags over variables over the configuration file over the preset. A fused engine belongs to the CPU: on another device
/// the default is Candle's.
fn layered(args: &RunArgs) -> Result<Settings> {
    let variables = Settings::from_variables(|name| std::env::var_os(name))?;
    let file = args.config.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
    let mut all = args.settings().over(variables).over(file).with_preset()?;
    if args.device != DeviceChoice::Cpu {
        all.engine = all.engine.or(Some(Engine::Candle));
    }
    Ok(all)
}

/// Starts the threads that everything is computed on.
fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| Error::Run(format!("{threads} threads cannot be started ({e}); use fewer with --threads")))
}

fn run(args: &RunArgs) -> Result<ExitCode> {
    let settings = layered(args)?;
    let spec = RunSpec::resolve(&settings)?;
    // Before any data is read; with the real sizes again after it.
    check_memory(&spec.architecture(MNIST_PIXELS), spec.training(), 1)?;
    let device = args.device.open()?;
    let pool = pool(args.threads)?;
    let stop = stop_on_signals()?;

    let finished = pool.install(|| -> Result<Finished> {
        let Loaded { dataset, warning } = load(spec.data().source, settings.data_dir.as_deref())?;
        if let Some(warning) = warning {
            banner(&warning);
        }
        let spec = spec.with_source(dataset.name.source());
        let dataset = dataset.subset(spec.data().train_size, spec.data().test_size, spec.seed())?;
        check_memory(&spec.architecture(dataset.pixels()), spec.training(), dataset.train.len())?;
        let job = Job {
            spec: &spec,
            data: &dataset,
            data_dir: settings.data_dir.as_deref(),
            preset: settings.preset,
            out: &args.out,
            device: &device,
            device_name: &args.device.to_string(),
            threads: pool.current_num_threads(),
            argv: &std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>(),
            existing: if args.force { Existing::Repeat } else { Existing::Keep },
        };
        let symbol = spec.recon().loss.measure().symbol();
        let style = match (args.quiet, args.json) {
            (true, _) => Style::Quiet,
            (_, true) => Style::Json,
            _ => Style::Auto,
        };
        execute(&job, &mut *display::display(style, symbol), &stop)
    })?;
    let code = conclude(&finished, args);
    if args.images && finished.ending == Ending::Completed {
        let line = pool.install(|| Subject::read(&finished.dir, settings.data_dir.as_deref())?.paint(&finished.dir))?;
        if args.json { eprint!("{line}") } else { print(line.as_bytes()) }
    }
    Ok(code)
}

/// What is said at the end of a run, and its exit code.
fn conclude(finished: &Finished, args: &RunArgs) -> ExitCode {
    let Finished { dir, record, ending, effort } = finished;
    if *ending == Ending::Interrupted {
        eprintln!("interrupted; the same command resumes {}", dir.path().display());
        return ExitCode::Interrupted;
    }
    if args.json {
        print(format!("{}\n", json_summary(record, dir.path())).as_bytes());
    } else {
        print(run_summary(record, dir.path(), trend()).as_bytes());
    }
    if *effort == Effort::None && !args.quiet {
        eprintln!("this run was finished before and is not repeated; --force repeats it");
    }
    match ending {
        Ending::Diverged => ExitCode::Diverged,
        Ending::Completed | Ending::Interrupted => ExitCode::Done,
    }
}

/// Blocks are for a person at a terminal that can show them; a script always gets the same lines.
fn trend() -> Trend {
    let unicode = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_some_and(|locale| locale.to_lowercase().replace('-', "").contains("utf8"));
    if unicode && std::io::stdout().is_terminal() { Trend::Shown } else { Trend::Hidden }
}

/// A warning that cannot be missed.
fn banner(warning: &str) {
    let rule = "!".repeat(78);
    eprintln!("{rule}");
    for line in warning.lines() {
        eprintln!("!! {line}");
    }
    eprintln!("{rule}");
}

/// The signals that mean: save, and end.
#[cfg(unix)]
const STOP_SIGNALS: [i32; 3] =
    [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGUSR1];
#[cfg(not(unix))]
const STOP_SIGNALS: [i32; 2] = [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM];

/// A flag that Ctrl-C, SIGTERM and SIGUSR1 (a scheduler's warning) set; a second one ends the process at once.
fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in STOP_SIGNALS {
        // The order matters: the second signal must find the flag set by the first.
        signal_hook::flag::register_conditional_shutdown(signal, ExitCode::Interrupted as i32, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|e| Error::Run(format!("signals cannot be caught ({e})")))?;
    }
    Ok(stop)
}

/// The path of the cache or the directory that was named.
fn data_dir_or_cache(dir: Option<&PathBuf>) -> Result<PathBuf> {
    dir.cloned().map_or_else(crate::data::cache_dir, Ok)
}
